"""One Chromium for all tests, which can reach no host, and the pages as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import chromium
import pytest
from browser import Browser
from selenium import webdriver

from helmtool.cli.review.document import review_document
from helmtool.cli.review.page import page
from helmtool.model.review import Review


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium.started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(driver: webdriver.Chrome) -> Iterator[Browser]:
    """A desktop's window in light colours; afterwards nothing was complained of and nothing was asked of any network."""
    chromium.fresh(driver)
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
