"""Pins are written into the file, and nothing else of it changes."""

from __future__ import annotations

import pytest
import yaml

from helmtool.model.pinning import CannotPin, require_same, with_pins

PINS = {
    "server": "https://188.184.0.10:6443",
    "caFingerprint": "sha256:" + "a" * 64,
    "kubeSystemUid": "3f2b8c1e-5d7a-4c0e-9b1f-0a2c4d6e8f10",
}
BLOCK = """\
# first
environments:
  prod:   # production
    cluster:
      # Endings
      nameEndsWith: [prodsrv]  # two
    namespace: dqm
  test4: {cluster: {nameEndsWith: [cmsweb-test4]}, namespace: dqm}
"""


def removed(before: str, after: str) -> list[str]:
    return [line for line in before.splitlines() if line not in after.splitlines()]


def test_a_block_gets_a_line_for_each_and_keeps_every_other() -> None:
    text = with_pins(BLOCK, "prod", PINS)
    require_same(BLOCK, text, "prod", PINS)
    assert removed(BLOCK, text) == []
    assert len(text.splitlines()) == len(BLOCK.splitlines()) + 3
    assert text.index("# Endings") < text.index("server: ") < text.index("nameEndsWith: [prodsrv]  # two")


def test_a_flow_map_stays_on_its_line() -> None:
    text = with_pins(BLOCK, "test4", PINS)
    require_same(BLOCK, text, "test4", PINS)
    assert len(text.splitlines()) == len(BLOCK.splitlines())


def test_what_is_pinned_is_replaced_where_it_stands() -> None:
    once = with_pins(BLOCK, "prod", PINS)
    other = PINS | {"server": "https://188.184.0.11:6443"}
    twice = with_pins(once, "prod", other)
    require_same(once, twice, "prod", other)
    assert removed(once, twice) == ['      server: "https://188.184.0.10:6443"']
    assert with_pins(twice, "prod", other) == twice


def test_a_pin_that_is_not_known_is_left_out() -> None:
    text = with_pins(BLOCK, "prod", {"server": PINS["server"]})
    assert yaml.safe_load(text)["environments"]["prod"]["cluster"] == {"server": PINS["server"], "nameEndsWith": ["prodsrv"]}


@pytest.mark.parametrize(
    "text",
    [
        "environments:\n  prod:\n    cluster:\n    namespace: dqm\n",
        "environments:\n  prod:\n    cluster: {}\n",
        "environments:\n  test4: {}\n",
    ],
    ids=["empty", "empty-map", "another"],
)
def test_where_there_is_no_map_nothing_is_written(text: str) -> None:
    with pytest.raises(CannotPin) as caught:
        with_pins(text, "prod", PINS)
    assert "environments.prod.cluster" in caught.value.hint


def test_a_shared_map_is_not_changed_for_two() -> None:
    text = "environments:\n  prod:\n    cluster: &one\n      nameEndsWith: [prodsrv]\n  test4:\n    cluster: *one\n"
    with pytest.raises(CannotPin):
        require_same(text, with_pins(text, "prod", PINS), "prod", PINS)
