"""One Chromium for all tests, which can reach no host, and the pages as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import Browser
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from helmtool.cli.review.document import review_document
from helmtool.cli.review.page import page
from helmtool.model.review import Review

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
"""Debian's packages chromium and chromium-driver."""
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # root's Chromium does not start with one
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE = 120
"""Seconds that one command of the driver may take on a busy machine."""


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome) -> Iterator[Browser]:
    """A desktop's window in light colours; afterwards nothing was complained of and nothing was asked of any network."""
    driver.get("about:blank")
    for kind in ("browser", "performance"):
        driver.get_log(kind)  # what Chromium's own first page and an earlier test left
    browser = Browser(driver)
    browser.window(1100, 1000)
    browser.prefer("light")
    yield browser
    assert driver.get_log("browser") == []
    asked = [event["request"]["url"] for event in browser.heard("Network.requestWillBeSent")]
    assert len(asked) == browser.opened
    assert {address.split(":", 1)[0] for address in asked} <= {"file"}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Review], Path]:
    """The page of a review, as a file."""
    folder = tmp_path_factory.mktemp("pages")

    def write(review: Review) -> Path:
        text = page(review_document(review))
        file = folder / f"{hash(text)}.html"
        file.write_text(text, encoding="utf-8")
        return file

    return write
