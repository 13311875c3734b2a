"""From the image that runs to the values that render it."""

from __future__ import annotations

import pytest

from helmtool.operations.running_image import image_values

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "values"),
    [
        ("registry.cern.ch/cmsweb/newdqmgui:HG0105a", ["image.tag=HG0105a"]),
        ("localhost:5000/newdqmgui:HG0105a-stable", ["image.tag=HG0105a-stable"]),
        (f"x/newdqmgui:HG0105a@{DIGEST}", ["image.tag=HG0105a", f"image.digest={DIGEST}"]),
        ("x/newdqmgui:HG0105a@sha256:short", ["image.tag=HG0105a"]),
        ("registry.cern.ch/cmsweb/newdqmgui", []),
        ("localhost:5000/newdqmgui", []),
        (f"x/newdqmgui@{DIGEST}", []),
        ("x/newdqmgui:latest", []),
        ("", []),
    ],
)
def test_values(image: str, values: list[str]) -> None:
    assert image_values(image) == values
