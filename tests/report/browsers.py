"""A headless Chromium that keeps account of what a page asks for and complains of."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--no-first-run", "--disable-component-update", "--disable-sync"),
)


@contextlib.contextmanager
def browser(width: int = 1280, height: int = 900, dark: bool = False) -> Iterator[Any]:
    """Skips the test, saying why, where there is no Chromium with its driver."""
    selenium = pytest.importorskip("selenium.webdriver", reason="needs selenium: mu2[test]")
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs Chromium: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = selenium.ChromeService(DRIVER)
        driver = selenium.Chrome(options=options, service=service)
        try:
            sizes = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
            scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            yield driver
        finally:
            driver.quit()


def complaints(driver: Any) -> list[str]:
    """What the page wrote on its console."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requests(driver: Any) -> list[str]:
    """The addresses that were asked for, but for the browser's own pages and for data."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"].endswith("WillBeSent")]
    return [url for url in urls if not url.startswith(("chrome", "data:", "about:"))]


def draw_all(driver: Any) -> None:
    """Draws every chart, also those that are not in view."""
    driver.execute_script(
        "for (const plot of document.querySelectorAll('.plot')) if (!plot.drawnAt) plot.draw();"
    )


def texts(driver: Any, selector: str) -> list[str]:
    """The texts of the elements that a CSS selector finds."""
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)"
    return driver.execute_script(script, selector)
