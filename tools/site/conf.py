"""Sphinx makes the site with this (`make docs`), of the checkout's top folder, so that links lead where they lead in a repository."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pygments.lexers.shell import BashSessionLexer

project = "helmtool"
html_title = "helmtool"
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**.md", "charts/*/README.md", "docker/newdqmgui/README.md", "tools/README.md"]
exclude_patterns = [".*", "build", "dist", "site", "tests"]

extensions = ["myst_parser"]
myst_heading_anchors = 6
smartquotes = False  # `--yes` is an option, not a dash
nitpicky = True

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/favicon.svg"
html_use_index = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
templates_path = ["templates"]
html_additional_pages = {"index": "index.html"}

CAPTION = re.compile(r"^\*\*(.+?)\*\*.*$", re.MULTILINE)
PAGE = re.compile(r"^- \[[^]]*\]\(([^)#]+)\.md\)", re.MULTILINE)


def contents(index: str, top: Path) -> Iterator[str]:
    """Sphinx's tables of contents out of docs/README.md, so that no page is listed twice: one for each bold word and the list below it."""
    parts = CAPTION.split(index)[1:]
    for caption, text in zip(parts[::2], parts[1::2], strict=True):
        pages = ["/" + os.path.relpath(top / "docs" / page, top) for page in PAGE.findall(text)]
        yield "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"])


def add_contents(app: Any, name: str, source: list[str]) -> None:
    if name == root_doc:
        source[0] += "\n\n" + "\n\n".join(contents(source[0], Path(app.srcdir))) + "\n"


class Console(BashSessionLexer):  # type: ignore[misc]  # it has no types
    """A console block as these pages have it: commands after `$ `. Pygments' own takes `# needs CERN's network` for a command of root."""

    _ps1rgx = re.compile(r"^(\$ )(.*\n?)")


def setup(app: Any) -> None:
    app.add_lexer("console", Console)
    app.connect("source-read", add_contents)
