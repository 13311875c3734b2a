"""How large and how deep a YAML text is, measured before it is loaded: libyaml loads by recursion, and dies of what nests too deep."""

from __future__ import annotations

import re
from typing import Any

MAX_DEPTH = 100
MAX_NODES = 200_000
"""With aliases expanded, which multiply a small text beyond any memory."""
# What has none of these nests no deeper and repeats nothing; to measure a text takes as long as to load it.
_SUSPICIOUS = re.compile(rb"[ \t]{%d}|(?:[-?:][ \t]+){20}|(?:^|[\s\[{,:])[&*][\w-]" % MAX_DEPTH)


def require_bounded(text: bytes, loader: Any) -> None:
    """Raises yaml.YAMLError for what is no YAML, nests deeper than MAX_DEPTH, or has more than MAX_NODES values."""
    import yaml

    plain = b"\0" not in text and text.count(b"[") + text.count(b"{") < MAX_DEPTH and not _SUSPICIOUS.search(text)
    extent = _Extent()
    for event in () if plain else yaml.parse(text, Loader=loader):
        extent.count(event)
        if len(extent.sizes) > MAX_DEPTH or extent.sizes[-1] > MAX_NODES:
            raise yaml.YAMLError("nested too deep, or too much once its aliases are expanded")


class _Extent:
    """The sizes of the collections that are open, the innermost last, and of what has an anchor."""

    def __init__(self) -> None:
        self.sizes = [0]
        self._anchors: list[str | None] = []
        self._known: dict[str, int] = {}

    def count(self, event: Any) -> None:
        """Takes one of PyYAML's events."""
        import yaml

        if isinstance(event, yaml.CollectionStartEvent):
            self.sizes.append(1)
            self._anchors.append(event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._add(self.sizes.pop(), self._anchors.pop())
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._known.get(event.anchor or "", 1), None)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(1, event.anchor)

    def _add(self, size: int, anchor: str | None) -> None:
        self.sizes[-1] += size
        if anchor:
            self._known[anchor] = size
