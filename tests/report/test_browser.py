"""The page in a real browser: it draws, is clicked, and asks for nothing."""

import os

import pytest

from mu2.cli.main import main
from mu2.report.html.page import report_page
from mu2.report.reading import read_history
from tests import shrunken
from tests.report.browsers import browser, complaints, draw_all, requests, texts
from tests.report.test_html import HOSTILE
from tests.report.written import write_system

pytestmark = pytest.mark.slow

EMPTY = "return [...document.querySelectorAll('.plot')].filter((p) => !p.firstChild).length"
FITS = "return document.documentElement.scrollWidth <= window.innerWidth"
SMALLEST = {
    "Training.max_train_examples": 64,
    "Training.max_validation_examples": 64,
    "Training.intervals": 1,
    "Training.batch_size": 32,
    "Evolution.children_per_iteration": 1,
    "Evolution.children_per_generation": 1,
}


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The page of a real run of the shrunken quickstart."""
    run = shrunken.evolved(tmp_path_factory)
    file = tmp_path_factory.mktemp("pages") / "real.html"
    file.write_text(report_page([read_history(run.directory)]), encoding="utf-8")
    return file, read_history(run.directory)


def open_page(driver, file, address=""):
    driver.get("about:blank")
    driver.get(file.as_uri() + address)
    draw_all(driver)


def assert_quiet(driver, file):
    assert complaints(driver) == []
    assert {url.partition("#")[0] for url in requests(driver)} == {file.as_uri()}


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_real_run_draws_everything(real, width, dark):
    file, history = real
    with browser(width=width, dark=dark) as driver:
        open_page(driver, file, "#task=latin")
        kinds = driver.execute_script(
            "return [...document.querySelectorAll('figure[id^=chart]')].map((f) => f.id)"
        )
        wanted = ("flow", "descent", "sharing", "matrix", "parameters", "share", "size", "depth")
        for kind in (*wanted, "time", "flops", "spent", "curves", "scores", "learning", "course"):
            assert f"chart-{kind}" in kinds
        assert driver.execute_script(EMPTY) == 0
        assert len(texts(driver, "#tasks tbody tr")) == len(history.tasks)
        assert driver.execute_script(FITS), "the page scrolls sideways"
        theme = driver.execute_script("return document.documentElement.dataset.theme")
        assert theme == ("dark" if dark else "light")
        assert_quiet(driver, file)


def test_characters_small_is_drawn_whole(tmp_path):
    if not os.environ.get("TFDS_DATA_DIR"):
        pytest.skip("the data sets are not there: TFDS_DATA_DIR")
    words = [f"--gin.{name}={value}" for name, value in SMALLEST.items()]
    file = "benchmarks/tables/characters_small.gin"
    assert main(["run", file, "--system", str(tmp_path / "system"), *words]) == 0
    history = read_history(tmp_path / "system")
    assert len(history.tasks) == 8
    page = tmp_path / "page.html"
    page.write_text(report_page([history]), encoding="utf-8")
    for width in (1280, 390):
        with browser(width=width) as driver:
            open_page(driver, page, "#task=omniglot")  # of 964 classes
            assert len(texts(driver, "#tasks tbody tr")) == 8
            assert texts(driver, "#task h2")[0].strip().startswith("Task omniglot")
            assert driver.execute_script(EMPTY) == 0
            assert driver.execute_script(FITS), "the page scrolls sideways"
            assert_quiet(driver, page)


def test_a_click_lights_a_task_up_everywhere(real):
    file, history = real
    with browser() as driver:
        open_page(driver, file)
        driver.execute_script(
            "document.querySelector('#tasks button[data-choose=\"latin\"]').click()"
        )
        assert texts(driver, "#task h2")[0].strip().startswith("Task latin")
        assert texts(driver, "#tasks tr.lit td:first-child") == ["latin"]
        lit = "return document.querySelectorAll('#graph path.lit').length"
        assert driver.execute_script(lit) == 1
        assert driver.execute_script("return location.hash") == "#task=latin"
        path = history.kept_paths["latin"].id
        assert path in texts(driver, "#lineage li")[0]
        assert texts(driver, "#lineage li")[-1].endswith("the root")
        assert_quiet(driver, file)


def test_the_slider_goes_through_the_commits(real):
    file, history = real
    with browser() as driver:
        open_page(driver, file)
        move = (
            "const s = document.querySelector('#slider'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('input'));"
        )
        paths = "return document.querySelectorAll('#graph path.curve').length"
        assert driver.execute_script(paths) == len(history.tasks)
        driver.execute_script(move, 0)
        assert driver.execute_script(paths) == 1
        assert texts(driver, "#commit") == [f"1 of 6: {history.tasks[0].name} iteration"]
        driver.execute_script("document.querySelector('#play').click()")
        import time

        deadline = time.monotonic() + 20
        while driver.execute_script(paths) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert driver.execute_script(paths) == 3
        assert_quiet(driver, file)


def test_a_child_says_why_it_was_kept(real):
    file, history = real
    with browser() as driver:
        open_page(driver, file, "#task=digits")
        children = history.by_task["digits"]
        for child in children:
            driver.execute_script(
                "document.querySelector('#children').open = true;"
                "[...document.querySelectorAll('#children [data-child]')]"
                ".find((b) => b.textContent === arguments[0]).click()",
                child.path,
            )
            (reason,) = texts(driver, "#reason")
            assert reason.startswith("Kept" if child.retained else "Dropped")
            if child.path == history.kept_paths["digits"].id:
                assert "is the path that the task keeps" in reason


def test_keys_go_through_a_chart_and_choose(real):
    from selenium.webdriver.common.keys import Keys

    file, history = real
    with browser() as driver:
        open_page(driver, file)
        plot = driver.find_element("css selector", "#chart-size svg")
        driver.execute_script("arguments[0].focus()", plot)
        plot.send_keys(Keys.ARROW_RIGHT)
        (tip,) = texts(driver, "#tip")
        assert tip.split("\n")[0] in history.kept_paths
        plot.send_keys(Keys.ENTER)
        assert texts(driver, "#task h2")[0].strip().startswith(f"Task {tip.splitlines()[0]}")


def test_every_drawing_has_words_for_those_who_do_not_see_it(real):
    with browser() as driver:
        open_page(driver, real[0], "#task=digits")
        silent = (
            "return [...document.querySelectorAll('.plot svg, .plot canvas')]"
            ".filter((d) => !d.ariaHidden && !(d.getAttribute('aria-label') || '').length).length"
        )
        assert driver.execute_script(silent) == 0


def test_it_prints(real):
    with browser() as driver:
        open_page(driver, real[0])
        pdf = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        assert len(pdf["data"]) > 50_000
        assert complaints(driver) == []


def test_hostile_names_are_shown_as_text(tmp_path):
    write_system(tmp_path / "hostile", len(HOSTILE), 6, HOSTILE.__getitem__, classes=HOSTILE)
    file = tmp_path / "hostile.html"
    file.write_text(report_page([read_history(tmp_path / "hostile")]), encoding="utf-8")
    with browser() as driver:
        open_page(driver, file)
        for name in HOSTILE:
            find = (
                "const b = [...document.querySelectorAll('#tasks button.task')]"
                ".find((b) => b.textContent === arguments[0]); b.click(); return true"
            )
            assert driver.execute_script(find, name)
            draw_all(driver)
            assert name.strip() in texts(driver, "#task h2")[0]
        assert (
            driver.execute_script("return document.querySelectorAll('img, b script').length") == 0
        )
        assert driver.execute_script("return document.scripts.length") == 0
        assert_quiet(driver, file)


def test_two_systems_side_by_side(tmp_path):
    for seed in (0, 1):
        write_system(tmp_path / f"seed{seed}", 5, 6, seed=seed)
    file = tmp_path / "two.html"
    histories = [read_history(tmp_path / f"seed{seed}") for seed in (0, 1)]
    file.write_text(report_page(histories), encoding="utf-8")
    with browser() as driver:
        open_page(driver, file)
        rows = texts(driver, "#compare tbody tr")
        assert len([row for row in rows if row.startswith("task")]) == 5
        driver.execute_script(
            "const s = document.querySelector('#which'); s.value = 1;"
            "s.dispatchEvent(new Event('change'))"
        )
        assert texts(driver, "h1") == ["seed1"]
        draw_all(driver)
        assert_quiet(driver, file)


def seconds_to_open(driver, file):
    """From the click to the first painted page, the graph drawn."""
    driver.get("about:blank")
    driver.get(file.as_uri())
    script = (
        "const done = arguments[0];"
        "new PerformanceObserver((list) => {"
        "  const [n] = performance.getEntriesByType('navigation');"
        "  done(Math.max(n.loadEventEnd, list.getEntries().at(-1).startTime) / 1000);"
        "}).observe({ type: 'paint', buffered: true });"
    )
    seconds = driver.execute_async_script(script)
    assert driver.execute_script("return document.querySelectorAll('#graph .node').length") > 1000
    return seconds


def test_a_thousand_tasks_and_a_hundred_thousand_children(tmp_path, monkeypatch):
    """Opens in three seconds, and has fewer than 20 MB."""
    from mu2.system.child_log import ChildLog

    # Waiting for the disk after each commit is all that is left out.
    monkeypatch.setattr(ChildLog, "flush", lambda self: None)
    write_system(tmp_path / "big", 1000, 100)
    file = tmp_path / "big.html"
    file.write_text(report_page([read_history(tmp_path / "big")]), encoding="utf-8")
    assert file.stat().st_size < 20e6
    with browser() as driver:
        assert min(seconds_to_open(driver, file) for _ in range(5)) < 3.0
        assert texts(driver, "main > .cards b")[0] == "1000"
        driver.execute_script("location.hash; document.querySelector('#find').value = 'task77';")
        driver.execute_script("document.querySelector('#find').dispatchEvent(new Event('change'))")
        draw_all(driver)
        assert texts(driver, "#task h2")[0].strip() == "Task task77"
        assert_quiet(driver, file)


def test_test_predictions_are_drawn(real):
    file, history = real
    with browser() as driver:
        open_page(driver, file, "#task=digits")
        draw_all(driver)
        known = next(task for task in history.tasks if task.name == "digits").predictions
        labels, classes, _ = known
        right = sum(a == b == 3 for a, b in zip(labels, classes, strict=True)) / labels.count(3)
        driver.execute_script("document.querySelector('#chart-classes details').open = true")
        import time

        time.sleep(0.3)
        cells = texts(driver, "#chart-classes td")
        assert cells[2 * 3 : 2 * 3 + 2] == ["3", f"{100 * right:.1f}%"]
        draw = "return document.querySelectorAll('#chart-confusion canvas[role=img]').length"
        assert driver.execute_script(draw) == 1
        assert_quiet(driver, file)
