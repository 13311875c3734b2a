"""What the HTML and CSS of a folder link to and load."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src", "object": "data"}
LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "manifest"}
CSS_ADDRESS = re.compile(r"""(?:url\(|@import\s+)\s*["']?([^"')\s;]+)""")


@dataclass
class Page(HTMLParser):
    """One page: its ids, where its links lead, and what it loads."""

    file: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.file.read_text(encoding="utf-8"))

    def __hash__(self) -> int:
        return hash(self.file)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found["id"]} if "id" in found else set()
        self.loads += CSS_ADDRESS.findall(found.get("style", ""))
        if tag in LOADS and found.get(LOADS[tag]):
            self.loads.append(found[LOADS[tag]])
        if "srcset" in found:
            self.loads += [part.split()[0] for part in found["srcset"].split(",")]
        if tag == "link" and LOADING_LINKS & set(found.get("rel", "").split()):
            self.loads.append(found["href"])
        elif tag in ("a", "link", "area") and "href" in found:
            self.links.append(found["href"])


def pages(site: Path) -> list[Page]:
    """Every page of a site."""
    return [Page(file) for file in sorted(site.rglob("*.html"))]


def local(address: str) -> bool:
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def broken(site: Path) -> tuple[int, list[str]]:
    """How many links and loads within the site were followed, and those that lead to no file, or to an id that is not there."""
    found = {page.file.resolve(): page for page in pages(site)}
    followed, nowhere = 0, []
    for page in found.values():
        for address in filter(local, [*page.links, *page.loads]):
            followed += 1
            parts = urlsplit(address)
            target = (page.file.parent / unquote(parts.path)).resolve() if parts.path else page.file.resolve()
            there = target.is_file() and target.is_relative_to(site.resolve())
            if not there or (parts.fragment and target in found and unquote(parts.fragment) not in found[target].ids):
                nowhere.append(f"{page.file.relative_to(site)}: {address}")
    return followed, nowhere


def from_elsewhere(site: Path) -> list[str]:
    """What pages and styles load from other hosts."""
    loaded = [(page.file, address) for page in pages(site) for address in page.loads]
    loaded += [(file, address) for file in sorted(site.rglob("*.css")) for address in CSS_ADDRESS.findall(file.read_text(encoding="utf-8"))]
    return [f"{file.relative_to(site)}: {address}" for file, address in loaded if not local(address) and not address.startswith("data:")]
