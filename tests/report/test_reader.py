"""What a reader does on the page of fifty tasks: points at bars, seeks a task, moves the slider."""

import dataclasses

import pytest

from mu2.report import system_charts
from mu2.report.html.page import report_page
from mu2.report.reading import read_history
from tests.report.browsers import browser, complaints, draw_all, texts
from tests.report.written import write_system

pytestmark = pytest.mark.slow

# What lies under the middle of the nth element, of all that a selector finds.
UNDER = """
const at = [...document.querySelectorAll(arguments[0])][arguments[1]];
at.scrollIntoView({ block: 'center', inline: 'center' });
const box = at.getBoundingClientRect();
const found = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
found.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
found.dispatchEvent(new MouseEvent('click', { bubbles: true }));
return [found === at, document.querySelector('#tip').textContent];
"""
CLICK = "document.querySelector(arguments[0]).dispatchEvent(new Event('click', {bubbles: true}))"


def with_a_gap(history, task):
    """The same, but that a task's test accuracy lies 30 points below validation."""
    path = history.kept_paths[task]
    path = dataclasses.replace(path, test_accuracy=path.quality - 0.3)
    return dataclasses.replace(history, paths={**history.paths, path.id: path})


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A browser, the file of a page, and the history that it shows."""
    folder = tmp_path_factory.mktemp("fifty")
    write_system(folder / "fifty", 50, 6)
    history = with_a_gap(read_history(folder / "fifty"), "task9")
    file = folder / "page.html"
    file.write_text(report_page([history]), encoding="utf-8")
    with browser() as driver:
        yield driver, file, history


@pytest.fixture
def reader(opened):
    """Opens the page afresh, at an address, and sees at the end that nothing complained."""
    driver, file, _ = opened

    def go(address=""):
        driver.get("about:blank")
        driver.get(file.as_uri() + address)
        draw_all(driver)
        return driver

    yield go
    assert complaints(driver) == []


def test_a_bar_under_many_lines_is_what_one_points_at(reader, opened):
    driver, history = reader(), opened[2]
    component, users = max(history.users.items(), key=lambda each: len(each[1]))
    number = driver.execute_script(
        "return [...document.querySelectorAll('#graph .node')]"
        ".findIndex((bar) => bar.dataset.tip.includes(arguments[0]))",
        f"used by {len(users)} tasks",
    )
    itself, tip = driver.execute_script(UNDER, "#graph .node", number)
    assert itself
    assert f"used by {len(users)} tasks" in tip
    assert component in texts(driver, "#layer h3")[0]
    assert texts(driver, "#task h2") == ["One task"], "no task was chosen"


def test_a_link_beside_the_graph_goes_to_what_was_chosen(reader):
    driver = reader()
    assert texts(driver, "#system-graph .way") == []
    driver.execute_script(CLICK, '#graph [data-choose="task7"]')
    assert driver.execute_script("return scrollY") == 0, "nothing scrolls of itself"
    assert texts(driver, "#system-graph .way") == ["see task7 ↓"]
    driver.execute_script(CLICK, "#system-graph .way")
    top = "return document.querySelector('#task').getBoundingClientRect().top"
    assert 0 <= driver.execute_script(top) < 100


def labels_of(driver, anchor):
    tips = "return [...document.querySelectorAll(arguments[0])].map((text) => text.dataset.tip)"
    return driver.execute_script(tips, f"#chart-bands text[text-anchor={anchor}]")


def test_no_helper_vanishes_from_the_bands(reader, opened):
    driver, flow = reader(), system_charts.flow(opened[2])
    assert (flow.values > 0).sum() > 60, "too many bands to be told apart"
    for anchor in ("end", "start"):  # those who give, and those who use
        tips = labels_of(driver, anchor)
        assert sum(int(tip.split()[-2]) for tip in tips) == flow.values.sum()
    assert labels_of(driver, "end")[0].startswith("root\ngives")
    assert "other tasks" in labels_of(driver, "end")[-1]


def test_names_of_helpers_stay_legible_beside_a_selected_task(reader):
    driver = reader("#task=task7")
    opacity = (
        "return [...document.querySelectorAll('#chart-bands text')]"
        ".map((text) => getComputedStyle(text).opacity)"
    )
    assert set(driver.execute_script(opacity)) == {"1"}
    assert "task7" in {tip.partition("\n")[0] for tip in labels_of(driver, "start")}


def test_a_child_tells_of_the_winner_and_the_runner_up(reader, opened):
    driver, history = reader("#task=task7"), opened[2]
    driver.execute_script("document.querySelector('#children').open = true")
    won = history.kept_paths["task7"].id
    assert texts(driver, "#children tr.won td:first-child") == [won]
    scores = {child.path: child.score for child in history.by_task["task7"]}
    second = max((path for path in scores if path != won), key=scores.__getitem__)
    for path in (won, second):
        driver.execute_script(
            "[...document.querySelectorAll('#children [data-child]')]"
            ".find((button) => button.textContent === arguments[0]).click()",
            path,
        )
        (reason,) = texts(driver, "#reason")
        assert (second if path == won else won) in reason
        assert f"{100 * (scores[won] - scores[second]):.1f} points" in reason


def test_headings_say_what_they_mean(reader):
    driver = reader("#task=task7")
    silent = (
        "return [...document.querySelectorAll('#tasks th, #children th, .cards div')]"
        ".filter((each) => !each.dataset.tip).map((each) => each.textContent)"
    )
    plain = {"task", "tasks", "classes", "children", "uses layers of", "trained parameters"}
    plain.add("parameters of the path")
    assert {name.lstrip("0123456789.kMG%– ") for name in driver.execute_script(silent)} <= plain


@pytest.mark.parametrize(
    ("typed", "selected", "said"),
    [
        ("TASK33", "Task task33", ""),
        ("33", "Task task33", ""),
        ("task", "One task", "50 match: "),
        ("nothing", "One task", "no match"),
    ],
)
def test_the_find_box_takes_a_part_of_a_name_or_says_why_not(reader, typed, selected, said):
    from selenium.webdriver.common.keys import Keys

    driver = reader()
    driver.find_element("css selector", "#find").send_keys(typed, Keys.ENTER)
    assert texts(driver, "#task h2")[0].strip() == selected
    assert texts(driver, "#found")[0].startswith(said)
    assert texts(driver, "#found")[0] or not said


def test_the_slider_moves_the_tiles_the_table_of_layers_and_the_graph(reader, opened):
    driver, history = reader(), opened[2]
    whole = texts(driver, "#totals b")
    move = (
        "const slider = document.querySelector('#slider'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'))"
    )
    driver.execute_script(move, 0)
    tiles = dict(zip(texts(driver, "#totals span"), texts(driver, "#totals b"), strict=True))
    assert (tiles["tasks"], tiles["children"]) == ("1", "6")
    assert tiles["mean test accuracy"] == f"{100 * history.kept_paths['task0'].test_accuracy:.1f}%"
    assert texts(driver, "#when")[0].startswith("After commit 1 of 50")
    assert texts(driver, "#most-shared") == []
    driver.execute_script(move, 48)
    inside = (
        "const name = document.querySelector('#graph g[data-choose=\"task48\"]');"
        "const row = name.getBoundingClientRect();"
        "const box = document.querySelector('#graph').getBoundingClientRect();"
        "return row.top > box.top && row.bottom < box.bottom"
    )
    assert driver.execute_script(inside)
    driver.execute_script(move, 49)
    assert texts(driver, "#totals b") == whole
    assert texts(driver, "#when") == [""]


def test_a_number_reads_the_same_wherever_it_stands(reader, opened):
    """A tie of rounding, packed or not, as Python rounds it."""
    driver, history = reader(), opened[2]
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    column = [f"{100 * path.test_accuracy:.1f}%" for path in history.kept_paths.values()]
    rows = texts(driver, "#tasks tbody td:nth-child(2)")
    assert [row.split()[-1] for row in rows] == column
    driver.execute_script(CLICK, '#tasks [data-choose="task7"]')
    driver.execute_script("document.querySelector('#children').open = true")
    qualities = [f"{100 * child.quality:.1f}%" for child in history.by_task["task7"]]
    assert texts(driver, "#children td:nth-child(3)") == qualities


def test_names_stay_in_view(reader):
    driver = reader()
    stays = (
        "const box = document.querySelector(arguments[0]), name = box.querySelector(arguments[1]);"
        "box.style.width = '300px'; box.style.height = '200px';"
        "const before = name.getBoundingClientRect(); box.scrollTo(90, 90);"
        "const after = name.getBoundingClientRect();"
        "return [before.left - after.left, before.top - after.top, box.scrollLeft, box.scrollTop]"
    )
    left, _, right, _ = driver.execute_script(stays, "#chart-sharing .plot", ".names")
    assert (left, right) == (0, 90)
    _, top, _, down = driver.execute_script(stays, "#graph", ".columns")
    assert (top, down) == (0, 90)


def test_a_test_accuracy_far_below_validation_is_marked(reader):
    driver = reader("#task=task9")
    assert [tag[1:] for tag in texts(driver, "#tasks .warn")] == ["30"]
    assert "30.0 points below validation" in texts(driver, "#task p")[0]


def test_time_is_told_for_as_many_operations(reader, opened):
    driver, children = reader(), opened[2].by_task["task3"]
    (tip,) = driver.execute_script(
        "return [...document.querySelectorAll('#chart-time [data-task=task3]')]"
        ".map((bar) => bar.dataset.tip)"
    )
    rate = sum(c.seconds for c in children) / sum(c.flops for c in children) * 1e12
    assert tip.endswith(f"\n{rate:.1f} s a TFLOP")


def test_a_sorted_column_shows_its_mark(reader):
    driver = reader()
    mark = (
        "const button = document.querySelectorAll('#tasks th button')[1]; button.click();"
        "return getComputedStyle(button, '::after').content"
    )
    assert [driver.execute_script(mark) for _ in range(2)] == ['" ▼"', '" ▲"']


def test_on_a_phone_no_name_is_broken_and_rows_are_low(reader):
    driver = reader()
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    tallest = (
        "return Math.max(...[...document.querySelectorAll(arguments[0])]"
        ".map((row) => row.offsetHeight))"
    )
    assert driver.execute_script(tallest, "#most-shared tbody tr") < 60
    assert driver.execute_script(tallest, "#tasks td:first-child button") < 30
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_long_names_that_begin_alike_stay_different_on_a_telephone(tmp_path):
    write_system(tmp_path / "long", 20, 6, name="letters_of_the_script_{}".format)
    (tmp_path / "page.html").write_text(
        report_page([read_history(tmp_path / "long")]), encoding="utf-8"
    )
    with browser(390, 844) as driver:
        driver.get((tmp_path / "page.html").as_uri())
        draw_all(driver)
        shown = [text for text in texts(driver, "svg text") if text.startswith("lett")]
        ends = {name.removesuffix(" (private)").rpartition("…")[2] for name in shown}
        assert {end.rpartition("_")[2] for end in ends} == {str(i) for i in range(20)}
        assert any("…" in name for name in shown)
        assert complaints(driver) == []
