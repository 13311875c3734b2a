"""The image commands where nothing outside is needed to refuse: for people and for scripts, each with the next command."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from program import Inside

TODAY = datetime.now(ZoneInfo("Europe/Zurich"))
TAG = f"HG{TODAY:%d%m}a"
OTHER_DAY = f"HG{TODAY + timedelta(days=7):%d%m}a"


@pytest.mark.parametrize(
    ("arguments", "code", "error", "says"),
    [
        (["build", "HG3201a"], 3, "invalid-tag", "there is no day 32"),
        (["push", "hg0105a"], 3, "invalid-tag", "capitals"),
        (["run", "HG0105"], 3, "invalid-tag", "version letter"),
        (["backup", "HG0105a-Stable", "--to", "x.tar"], 3, "invalid-tag", "-stable"),
        (["build", f"{TAG}-stable"], 4, "stable-not-built", "helmtool tag stable"),
        (["push", f"{TAG}-stable"], 4, "stable-not-built", "helmtool tag stable"),
        (["build", OTHER_DAY], 4, "tag-not-today", "--any-day"),
        (["build", TAG, "--source", "/etc"], 3, "invalid-source", "--source"),
        (["build", TAG, "--base-image", "a b"], 3, "invalid-source", "--base-image"),
        (["build", TAG], 4, "dirty-tree", "not a git checkout"),
        (["build", TAG, "--allow-dirty"], 3, "file", "docker/newdqmgui/Dockerfile"),
        (["run", TAG, "--timeout", "5"], 2, "usage", "not a duration"),
        (["run", TAG, "--port", "0"], 2, "usage", "--port"),
        (["run", TAG], 3, "docker-missing", "no docker on PATH"),
        (["push", TAG], 3, "docker-missing", "no docker on PATH"),
        (["backup", TAG, "--to", "copy"], 3, "invalid-place", "ends in .tar"),
        (["backup", TAG], 2, "usage", "--to"),
        (["restore", "none.tar"], 3, "invalid-archive", "No such file"),
        (["restore", "registry.cern.ch/a/b"], 3, "invalid-place", "has no tag"),
        (["restore", "registry.cern.ch/cmsweb/newdqmgui:HG0105a"], 3, "invalid-place", "is where the image is"),
        (["build", TAG, "--env", "prd", "--allow-dirty"], 3, "unknown-environment", "prod"),
    ],
)
def test_what_is_refused(inside: Inside, arguments: list[str], code: int, error: str, says: str) -> None:
    variables = {"PATH": "/nowhere"}
    assert inside.fails("image", *arguments, code=code, says=[says], env=variables)["code"] == error
