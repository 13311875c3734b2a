"""No content is in what Python writes of the objects that carry it: a traceback of a debugger, or a test that fails, shows them."""

from __future__ import annotations

from functools import partial

from helmtool.model.chart import ChartFiles
from helmtool.model.values import Values
from helmtool.operations.diff import Diff

SECRET = "s3cret"


def test_of_a_chart() -> None:
    shown = repr(ChartFiles({"templates/a.yaml": SECRET.encode()}, SECRET.encode(), {"a": SECRET}))
    assert "templates/a.yaml" in shown
    assert SECRET not in shown


def test_of_a_diff() -> None:
    shown = repr(Diff("live", "new", (), partial(Values, {"a": SECRET}, {})))  # type: ignore[arg-type]
    assert "live" in shown
    assert SECRET not in shown
