"""A YAML text is measured before libyaml loads it: that recurses in C, and ends the process where a text nests too deep."""

from __future__ import annotations

import pytest
import yaml

from helmtool.model.extent import require_bounded

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LAUGHS = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in b"abcdef")


@pytest.mark.parametrize(
    "text",
    [b"[" * 50_000, b"a: " + b"{a: " * 20_000, b"- " * 3000, b"? " * 3000, b"".join(b" " * n + b"a:\n" for n in range(300)), LAUGHS],
    ids=["lists", "maps", "items", "keys", "indented", "laughs"],
)
def test_too_deep_or_too_much(text: bytes) -> None:
    with pytest.raises(yaml.YAMLError):
        require_bounded(text, LOADER)


@pytest.mark.parametrize("text", [b"", b"a: &a [1]\nb: *a\n", b"[" * 90 + b"]" * 90, b"a: {}\n" * 300, b"a: &a [*a]\n", b"x: a && b *.c\n"])
def test_what_is_as_files_are(text: bytes) -> None:
    require_bounded(text, LOADER)
