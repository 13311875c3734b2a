"""The page of a review in a real browser: what it shows, every key, nothing that breaks out, nothing asked of a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Browser
from samples import CANARY, HOSTILE, change_of, config_map, hostile, large, review, usual, with_secret
from selenium.webdriver.common.keys import Keys

from helmtool.cli.review.texts import printable
from helmtool.model.review import Review

DESKTOP, COLUMNS, PHONE = (1280, 900), (640, 900), (390, 844)
"""The widths of a desktop, of a terminal's 80 columns, and of a phone."""
SEARCH = """
const search = document.getElementById("search"), begun = performance.now();
search.value = arguments[0];
search.dispatchEvent(new Event("input"));
document.body.offsetHeight;  // asks for the layout
return performance.now() - begun;
"""
OPEN_ALL = """
document.documentElement.dataset.view = arguments[0];
for (const details of document.querySelectorAll("details")) details.open = true;
// What is skipped while it is out of sight moves when axe comes to it, which then takes one element's ground for another's.
for (const object of document.querySelectorAll(".object")) object.style.contentVisibility = "visible";
"""
Pages = Callable[[Review], Path]
OBJECTS = ["Deployment/newdqmgui", "ConfigMap/newdqmgui", "NetworkPolicy/newdqmgui-network-policy", "Service/newdqmgui"]


def test_the_verdict_and_each_cause_are_seen(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual()))
    assert browser.text(".verdict") == ["Downtime: users of the service notice it."]
    assert browser.text(".counts") == ["4 objects: 1 added, 3 changed"]
    assert browser.text(".reasons li") == ["Deployment/newdqmgui, downtime: the pod is stopped before the new one starts (Recreate)"]
    assert browser.shown_objects == OBJECTS
    assert browser.text(".object td:last-child") == [
        "image.tag: the TAG that was given",
        "changed since the release by other hands: kubectl-edit at 2026-01-05 10:00 UTC",
        "networkPolicy.from: values/test4.yaml:6",
        "the chart: newdqmgui-0.1.0 before, newdqmgui-0.2.0 now",
    ]
    assert browser.text("#object-1 .block del") == ["HG0105a"]
    assert browser.text("#object-1 .block ins") == ["HG0205a"]


def test_nothing_changes(browser: Browser, pages: Pages) -> None:
    browser.open(pages(review()))
    assert browser.text(".verdict") == ["Nothing changes."]
    browser.press("j", "k", "o", "u", "n")
    assert browser.shown_objects == []


def test_keys_walk_and_fold(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual()))
    for key, expected in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        browser.press(key)
        assert browser.current == OBJECTS[expected]
    browser.press("o")
    assert browser.open_objects == OBJECTS[1:]
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.open_objects == OBJECTS)
    browser.press("j", "j", "j", "j", "j")
    assert browser.current == OBJECTS[-1]


def test_enter_opens_the_first_where_none_was_chosen(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual())).press(Keys.ENTER)
    assert browser.open_objects == OBJECTS[1:]


def test_u_turns_the_sides(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual()))
    places = "return [...document.querySelectorAll('#object-1 .block > *')].map(e => e.getBoundingClientRect()).map(r => [r.left, r.top])"
    (old_left, old_top), (new_left, new_top) = browser.run(places)
    assert old_left == new_left
    assert old_top < new_top
    browser.press("u")
    (old_left, old_top), (new_left, new_top) = browser.run(places)
    assert old_left < new_left
    assert old_top == new_top
    assert browser.text("#object-1 .same .old")[0].split() == ["spec:"]
    browser.press("u")
    assert browser.run("return document.documentElement.dataset.view") == "unified"


def test_help_opens_and_closes(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual())).press("?")
    assert browser.run("return document.querySelector('dialog').open")
    assert "next, previous object" in browser.text("dialog")[0]
    browser.press("j")
    assert browser.current == ""
    browser.press(Keys.ESCAPE)
    browser.until(lambda: not browser.run("return document.querySelector('dialog').open"))


def test_search_filters_and_highlights(browser: Browser, pages: Pages) -> None:
    browser.open(pages(large(40)))
    folded = browser.open_objects
    browser.press("/", "Changed 6 of 7")
    assert browser.text("#found") == ["2 places in 1 of 40"]
    assert browser.shown_objects == browser.open_objects == ["ConfigMap/map-007"]
    assert browser.highlights("found") == ["changed 6 of 7"] * 2
    browser.press(Keys.ENTER)
    assert browser.highlights("here") == ["changed 6 of 7"]
    browser.press(Keys.ESCAPE)
    assert len(browser.shown_objects) == 40
    assert browser.open_objects == folded
    assert browser.highlights("found") == []
    browser.press("/", "server-0", Keys.ENTER)
    assert browser.shown_objects == [f"Deployment/server-{n:03}" for n in (0, 10, 20, 30)]


def test_a_word_is_found_over_its_marks(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual())).press("/", "newdqmgui:hg0205a")
    assert browser.highlights("found") == ["newdqmgui:HG0205a"] * 2
    browser.press("/", Keys.ESCAPE, "/", "no such thing")
    assert browser.shown_objects == []
    assert browser.text("#found") == ["0 places in 0 of 4"]


def test_n_and_p_go_through_what_was_found(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual())).press("/", "HG0", Keys.ENTER)
    browser.run("document.activeElement.blur()")
    first = browser.run("return [...CSS.highlights.get('here')][0].startContainer.data")
    browser.press("n", "p")
    assert browser.run("return [...CSS.highlights.get('here')][0].startContainer.data") == first
    assert browser.highlights("here") == ["HG0"]


def test_the_switch_of_colours(browser: Browser, pages: Pages) -> None:
    browser.open(pages(usual()))
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.prefer("dark")
    dark = browser.run(ground)
    assert light != dark
    for expected in (light, dark, dark):
        browser.run("document.getElementById('theme').click()")
        assert browser.run(ground) == expected
    browser.prefer("light")
    assert browser.run(ground) == light


def test_the_buttons_do_what_the_keys_do(browser: Browser, pages: Pages) -> None:
    browser.open(pages(large(12)))
    browser.run("document.getElementById('fold').click()")
    assert len(browser.open_objects) == 12
    browser.run("document.getElementById('fold').click()")
    assert browser.open_objects == []
    browser.run("document.getElementById('view').click()")
    assert browser.run("return document.documentElement.dataset.view") == "side"
    browser.run("document.getElementById('keys').click()")
    assert browser.run("return document.querySelector('dialog').open")


def test_nothing_breaks_out(browser: Browser, pages: Pages) -> None:
    browser.open(pages(hostile()))
    assert browser.run("return document.title") == "test4: live → new"
    assert browser.run("return document.querySelectorAll('img, svg, a, iframe, link, object, embed, [onload], [onerror]').length") == 0
    assert browser.run("return [document.scripts.length, document.styleSheets.length]") == [1, 1]
    names = browser.shown_objects
    assert sorted(names) == sorted(f"ConfigMap/{printable(trick)}" for trick in HOSTILE for _ in range(2))
    assert browser.run("return document.querySelectorAll('#objects > .object').length") == len(names)
    browser.press("/", "broken").press(Keys.ESCAPE, "u", "j")


def test_the_policy_lets_nothing_else_run(browser: Browser, pages: Pages, tmp_path: Path) -> None:
    """What got into the page all the same is stopped: shown by putting it there on purpose."""
    text = pages(usual()).read_text(encoding="utf-8")
    attack = "<script>document.title='broken'</script><p onclick='1' style='color:red'>x</p><img src='https://example.org/x.png' alt='x'>"
    file = tmp_path / "attacked.html"
    file.write_text(text.replace("<main>", f"<main>{attack}"), encoding="utf-8")
    browser.open(file)
    assert browser.run("return document.title") == "test4: live → new"
    complaints = [entry["message"] for entry in browser.driver.get_log("browser")]
    assert len([c for c in complaints if "Content Security Policy" in c]) >= 3
    assert [m["blockedReason"] for m in browser.heard("Network.loadingFailed")] == ["csp"]
    browser.opened = 0


def test_it_can_be_used_without_scripts(browser: Browser, pages: Pages) -> None:
    browser.scripts(False)
    try:
        browser.open(pages(usual()))
        assert browser.run("return document.querySelector('.tools').offsetHeight") == 0
        browser.press(Keys.TAB, Keys.TAB, Keys.SPACE)
        browser.until(lambda: browser.open_objects == OBJECTS[1:])
    finally:
        browser.scripts(True)


def test_all_of_it_is_printed(browser: Browser, pages: Pages) -> None:
    browser.open(pages(large(10)))
    browser.run("for (const d of document.querySelectorAll('details')) d.open = false")
    browser.prefer("dark", media="print")
    assert browser.run("return getComputedStyle(document.querySelector('.tools')).display") == "none"
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert all("changed 6 of" in text for text in browser.text(".object:not(:first-child) .diff"))


def test_a_secret_shows_that_it_changed_and_nothing_of_it(browser: Browser, pages: Pages) -> None:
    file = pages(with_secret())
    assert CANARY not in file.read_text(encoding="utf-8")
    browser.open(file)
    assert "keytab: <redacted, changed>" in "\n".join(browser.text(".diff"))


@pytest.mark.parametrize("size", [DESKTOP, COLUMNS, PHONE], ids=["desktop", "80 columns", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["unified", "side"])
@pytest.mark.parametrize("sample", [usual, hostile])
def test_it_is_accessible(
    browser: Browser, pages: Pages, size: tuple[int, int], scheme: str, view: str, sample: Callable[[], Review]
) -> None:
    browser.window(*size)
    browser.prefer(scheme)
    browser.open(pages(sample()))
    browser.run(OPEN_ALL, view)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.violations() == []
    browser.press("?")
    assert browser.violations() == []


def test_long_lines_wrap_beside_each_other(browser: Browser, pages: Pages) -> None:
    long = "x" * 4000
    browser.window(*PHONE)
    browser.open(pages(review(change_of(config_map("m", a=long, b="1"), config_map("m", a=f"{long}y", b="2")))))
    browser.press("u")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_two_hundred_objects_stay_fluid(browser: Browser, pages: Pages) -> None:
    """Measured on an idle machine it is a tenth of this (docs/reference/benchmarks.md); here only what would be felt as broken fails."""
    file = pages(large())
    browser.open(file)
    painted = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    browser.until(lambda: browser.run(painted))
    paint = browser.run(painted)
    searches = [browser.run(SEARCH, words) for words in ("changed 6 of 7", "value", "server-010", "")]
    print(f"\n{file.stat().st_size} bytes, first paint {paint:.0f} ms, searches {[round(s) for s in searches]} ms")
    assert paint < 10_000
    assert max(searches) < 10_000
