"""What helm prints of a kubeconfig that it refuses is neither shown nor stored: not in the output, the record or Helm's own Secrets."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from cli import SHORT, Helmtool, Kube, other_helm
from stored import stored_objects

OTHERS = {"username": "night-shift", "password": "Hunter2-of-the-<ops>", "token": "0paque&Token/of-somebody"}
PIECE = 24


@pytest.fixture
def kubeconfig(kube: Kube, tmp_path: Path) -> dict[str, Any]:
    """The administrator's, with the key in it."""
    document: dict[str, Any] = yaml.safe_load(kube.state.kubeconfig.read_text())
    user = document["users"][0]["user"]
    for name in ("client-key", "client-certificate"):
        if path := user.pop(name, None):
            user[f"{name}-data"] = base64.b64encode((kube.state.kubeconfig.parent / path).read_bytes()).decode()
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    return document


def forms(value: bytes) -> Iterator[str]:
    """How programs print a value, each cut to a piece."""
    text = value.decode()
    yield from (text[30 : 30 + PIECE] if len(text) > 60 else text, value.hex()[60 : 60 + PIECE] if len(text) > 60 else value.hex())
    numbers = list(map(str, value[30 : 30 + PIECE] if len(text) > 60 else value))
    yield from (separator.join(numbers) for separator in (" ", ", ", ","))
    yield base64.b64encode(value).decode()[40 : 40 + PIECE] if len(text) > 60 else base64.b64encode(value).decode().rstrip("=")
    if len(text) <= 60:
        yield from (json.dumps(text)[1:-1], html.escape(text), quote(text, safe=""), quote(text, safe="").lower())
        yield json.dumps(text)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_a_kubeconfig_that_goes_bad_under_a_release(
    helmtool: Helmtool, kube: Kube, kubeconfig: dict[str, Any], tmp_path: Path, command: str
) -> None:
    """The guard has seen a good file; helm reads one that names the user twice, and client-go's message holds both entries."""
    name, user = kubeconfig["users"][0]["name"], kubeconfig["users"][0]["user"]
    twice = {**kubeconfig, "users": [*kubeconfig["users"], {"name": name, "user": OTHERS}]}
    (tmp_path / "twice").write_text(yaml.safe_dump(twice))
    bad = f"if [ $1 = {command} ]; then KUBECONFIG={tmp_path}/twice; export KUBECONFIG; fi"
    own = ("--kubeconfig", str(tmp_path / "kubeconfig"))
    helmtool(*own, "release", "local", "HG0105a", "--timeout", "20s")
    helmtool(*own, "release", "local", "HG0105b", "--timeout", "20s")
    broken = Helmtool(variables=other_helm(tmp_path, bad))
    argv = ("release", "local", "HG0105c") if command == "upgrade" else ("rollback", "local")
    result = broken(*own, "-vv", *argv, *SHORT, code=1)
    assert f"names the user '{name}' twice" in result.err
    shown = helmtool("history", "local").out + helmtool("history", "local", "-o", "json").out + result.out + result.err
    [record] = [
        r for r in json.loads(kube("get", "configmap", "newdqmgui-releases", "-o", "jsonpath={.data.records\\.json}")) if r["revision"] == 3
    ]
    assert record["outcome"] == "failed"
    assert record["evidence"][0] == f"helm refuses the kubeconfig {tmp_path}/twice: it names the user '{name}' twice"
    places = {"output": shown.encode(), **stored_objects(kube.state)}
    values = [base64.b64decode(user["client-key-data"]), *(text.encode() for text in OTHERS.values() if text != OTHERS["username"])]
    found = {place for value in values for form in forms(value) for place, content in places.items() if form.encode() in content}
    assert not found
