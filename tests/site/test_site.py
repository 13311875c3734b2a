"""The site of the documentation: made without a warning, no link that leads nowhere, nothing from other hosts, and used in Chromium."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from built import broken, from_elsewhere, pages
from chromium import Browser
from conftest import CHECKOUT, build
from selenium.webdriver.common.keys import Keys

DESKTOP, PHONE = (1280, 900), (400, 800)
HOME, HOW_TO, LONG, WIDE, SEARCH = (
    "docs/README.html",
    "docs/how-to/release.html",
    "docs/reference/commands.html",
    "charts/newdqmgui/README.html",
    "search.html?q=rollback",
)
GROUND = "return getComputedStyle(document.body).backgroundColor"
SHOT = "HELMTOOL_SITE_PICTURES"


def test_every_page_is_there(site: Path) -> None:
    sources = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), CHECKOUT / "charts/newdqmgui/README.md"]
    missing = [source for source in sources if not (site / source.relative_to(CHECKOUT)).with_suffix(".html").is_file()]
    assert missing == []


def test_each_link_leads_somewhere(site: Path) -> None:
    followed, nowhere = broken(site)
    print(f"\n{len(pages(site))} pages, {followed} links followed")
    assert nowhere == []
    assert followed > 3000


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert from_elsewhere(site) == []


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """The two checks above can fail."""
    (tmp_path / "a.html").write_text(
        '<h1 id="there">x</h1><a href="#there">1</a><a href="b.html#there">2</a><a href="b.html#gone">3</a><a href="c.html">4</a>'
        '<a href="../outside.html">5</a><a href="https://example.org/">6</a><img src="gone.png"><script src="//example.org/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="there" style="background: url(https://example.org/p.png)">x</p>')
    (tmp_path / "s.css").write_text('@import "https://example.org/f.css"; p { background: url(data:image/png;base64,x) }')
    (tmp_path.parent / "outside.html").write_text("")
    assert broken(tmp_path) == (6, ["a.html: b.html#gone", "a.html: c.html", "a.html: ../outside.html", "a.html: gone.png"])
    assert from_elsewhere(tmp_path) == [
        "a.html: //example.org/x.js",
        "b.html: https://example.org/p.png",
        "s.css: https://example.org/f.css",
    ]


@pytest.mark.parametrize(
    ("mistake", "told"),
    [("[a](gone.md)", "gone.md"), ("[a](#gone)", "gone"), ("[a](README.md#gone)", "gone"), ("[a](../gone.py)", "gone.py")],
)
def test_a_mistake_in_a_page_ends_the_build(tmp_path: Path, mistake: str, told: str) -> None:
    docs = tmp_path / "source/docs"
    docs.mkdir(parents=True)
    (docs / "README.md").write_text("# Home\n\n**Pages**\n- [Page](page.md)\n")
    (docs / "page.md").write_text("# Page\n\n## There\n\n[a](#there)\n")
    good = build(tmp_path / "source", tmp_path / "good")
    assert (good.returncode, good.stderr) == (0, "")
    (docs / "page.md").write_text(f"# Page\n\n## There\n\n{mistake}\n")
    bad = build(tmp_path / "source", tmp_path / "bad")
    assert bad.returncode != 0
    assert "docs/page.md:5" in bad.stderr
    assert told in bad.stderr


def test_a_page_that_no_list_names_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "source/docs").mkdir(parents=True)
    (tmp_path / "source/docs/README.md").write_text("# Home\n")
    (tmp_path / "source/docs/page.md").write_text("# Page\n")
    made = build(tmp_path / "source", tmp_path / "site")
    assert made.returncode != 0
    assert "toc" in made.stderr


def test_the_way_from_the_start(browser: Browser, address: str) -> None:
    browser.open(f"{address}/")
    browser.until(lambda: browser.driver.current_url == f"{address}/{HOME}")
    browser.until(lambda: browser.text(".sidebar-tree .caption"))
    assert browser.text(".sidebar-tree .caption") == ["TUTORIAL", "HOW-TO", "REFERENCE", "EXPLANATION", "THE PROJECT"]
    browser.run("[...document.querySelectorAll('.sidebar-tree a')].find(a => a.innerText == 'Release to an environment').click()")
    browser.until(lambda: browser.text("ol > li .highlight-console"))
    assert browser.driver.current_url == f"{address}/{HOW_TO}"
    assert browser.text("h1")[0].startswith("Release to an environment")
    assert browser.text("ol > li .highlight-console")[0].splitlines()[0] == "# needs CERN's network"


def test_the_search_finds(browser: Browser, address: str) -> None:
    browser.open(f"{address}/{HOME}")
    browser.run("document.querySelector('.sidebar-search').focus()")
    browser.press("rollback", Keys.ENTER)
    browser.until(lambda: browser.text("#search-results .search-summary, #search-results p")[:1] > ["Search finished"])
    assert any("Roll back" in found for found in browser.text("#search-results li a"))
    assert len(browser.text("#search-results li")) > 10


def test_it_works_from_files(browser: Browser, site: Path) -> None:
    """Without any server. Only the excerpts below what was found are not there: no browser fetches a file for a page."""
    browser.open(site / HOW_TO)
    assert browser.text("h1")[0].startswith("Release to an environment")
    browser.run("document.querySelector('.sidebar-search').focus()")
    browser.press("rollback", Keys.ENTER)
    browser.until(lambda: any("Roll back" in found for found in browser.text("#search-results li a")))
    browser.until(lambda: "Search finished" in browser.text("#search-results")[0])
    complaints = [entry["message"] for entry in browser.driver.get_log("browser")]
    assert [c for c in complaints if "blocked by CORS policy" not in c and "net::ERR_FAILED" not in c and "Failed to fetch" not in c] == []


def test_the_switch_of_colours(browser: Browser, address: str) -> None:
    browser.open(f"{address}/{HOME}")
    light = browser.run(GROUND)
    browser.prefer("dark")
    browser.until(lambda: browser.run(GROUND) != light)
    dark = browser.run(GROUND)
    for expected in (light, dark, dark):
        browser.run("document.querySelector('.content-icon-container .theme-toggle').click()")
        browser.until(lambda expected=expected: browser.run(GROUND) == expected)
    browser.run("localStorage.clear()")


def test_every_page_is_accessible(browser: Browser, site: Path, address: str) -> None:
    found = {}
    for page in sorted(site.rglob("*.html")):
        if page.name != "index.html":  # sends the browser to the home page
            browser.open(f"{address}/{page.relative_to(site)}")
            found[page.name] = browser.violations()
    assert {name: violations for name, violations in found.items() if violations} == {}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [HOME, HOW_TO, LONG, WIDE, SEARCH])
def test_it_is_accessible(browser: Browser, address: str, size: tuple[int, int], scheme: str, page: str) -> None:
    browser.window(*size)
    browser.prefer(scheme)
    browser.open(f"{address}/{page}")
    if page == SEARCH:
        browser.until(lambda: browser.text("#search-results li"))
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    if SHOT in os.environ:
        name = f"{Path(page.partition('?')[0]).with_suffix('')}-{size[0]}-{scheme}.png".replace("/", "-")
        browser.driver.save_screenshot(str(Path(os.environ[SHOT]) / name))
    assert browser.violations() == []
