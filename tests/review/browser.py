"""The page of a review in a window of Chromium."""

from __future__ import annotations

from dataclasses import dataclass

import chromium


@dataclass
class Browser(chromium.Browser):
    """What is seen of the objects of the review."""

    @property
    def current(self) -> str:
        """The object that has the focus."""
        name: str = self.run("return document.activeElement.closest('.object')?.querySelector('.name').textContent ?? ''")
        return name

    @property
    def open_objects(self) -> list[str]:
        found: list[str] = self.run("return [...document.querySelectorAll('.object[open] .name')].map(e => e.textContent)")
        return found

    @property
    def shown_objects(self) -> list[str]:
        found: list[str] = self.run("return [...document.querySelectorAll('.object:not([hidden]) .name')].map(e => e.textContent)")
        return found

    def highlights(self, name: str) -> list[str]:
        """The text of each place that is highlighted."""
        found: list[str] = self.run("return [...(CSS.highlights.get(arguments[0]) ?? [])].map(r => r.toString())", name)
        return found
