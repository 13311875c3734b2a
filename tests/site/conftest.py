"""The site, made once as `make docs` makes it, served on loopback to one Chromium that can reach nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import chromium
import pytest
from chromium import Browser
from selenium import webdriver

CHECKOUT = Path(__file__).parent.parent.parent


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """The site of the pages below a folder. A warning is an error."""
    command = [Path(sys.executable).parent / "sphinx-build", "--quiet", "--fail-on-warning", "--keep-going"]
    folders = ["-c", CHECKOUT / "tools/site", "-d", site.parent / "doctrees", source, site]
    return subprocess.run([*command, *folders], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with index.html."""
    folder = tmp_path_factory.mktemp("site") / "html"
    begun = time.monotonic()
    made = build(CHECKOUT, folder)
    assert (made.returncode, made.stdout + made.stderr) == (0, "")
    files = [file for file in folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    print(f"\n{len(list(folder.rglob('*.html')))} pages, {len(files)} files, {size / 1e6:.1f} MB in {time.monotonic() - begun:.0f} s")
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Chromium leaves in the middle of an answer when it is sent elsewhere."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where a plain file server has it."""
    server = Server(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium.started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(driver: webdriver.Chrome, address: str) -> Iterator[Browser]:
    """A desktop's window in light colours; afterwards nothing was complained of and no other host was asked for anything."""
    chromium.fresh(driver)
    browser = Browser(driver)
    browser.window(1280, 900)
    browser.prefer("light")
    yield browser
    assert [entry for entry in driver.get_log("browser") if entry["level"] != "INFO"] == []
    asked = [event["request"]["url"] for event in browser.heard("Network.requestWillBeSent")]
    assert asked
    assert {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "file")} <= {urlsplit(address).netloc}
