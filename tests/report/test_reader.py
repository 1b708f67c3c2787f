"""What a reader does on the page of fifty tasks: points at a bar, asks for a task, moves the slider."""

import pytest

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


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A browser, the file of a page, and the history that it shows."""
    folder = tmp_path_factory.mktemp("fifty")
    write_system(folder / "fifty", 50, 6)
    history = read_history(folder / "fifty")
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
