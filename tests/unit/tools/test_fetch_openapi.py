"""How the API server's schemas are cut down, on small ones."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from helmtool.adapters.process import Completed

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("fetch_openapi", ROOT / "tools" / "fetch_openapi.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fetch_openapi", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "KINDS", {"api/v1": ("Thing",)})
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "TARGET", tmp_path / "data.json")
    return module


QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
SCHEMAS: dict[str, Any] = {
    "thing": {
        "description": "Words.",
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Thing"}],
        "properties": {
            "spec": {"description": "Words.", "default": {}, "allOf": [{"$ref": "#/components/schemas/spec"}]},
            "status": {"$ref": "#/components/schemas/status"},
        },
    },
    "spec": {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"$ref": f"#/components/schemas/{QUANTITY}"},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/part"}, "x-kubernetes-list-map-keys": ["name"]},
            "free": {"type": "object", "additionalProperties": {"type": "string", "default": ""}},
        },
    },
    "part": {"type": "object", "properties": {"spec": {"$ref": "#/components/schemas/spec"}}},
    "status": {"type": "object"},
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "elsewhere": {"type": "object"},
}


def test_keeps_what_the_kinds_refer_to_and_forbids_the_rest(tool: Any) -> None:
    assert tool.reduce("1.2.3", {"api/v1": SCHEMAS}) == {
        "kubernetes": "1.2.3",
        "kinds": {"v1/Thing": "thing"},
        "definitions": {
            QUANTITY: {"type": ["string", "number"], "format": "quantity"},
            "part": {"type": "object", "properties": {"spec": {"$ref": "#/definitions/spec"}}, "additionalProperties": False},
            "spec": {
                "type": "object",
                "required": ["size"],
                "properties": {
                    "size": {"$ref": f"#/definitions/{QUANTITY}"},
                    "parts": {"type": "array", "items": {"$ref": "#/definitions/part"}, "x-kubernetes-list-map-keys": ["name"]},
                    "free": {"type": "object", "additionalProperties": {"type": "string"}},
                },
                "additionalProperties": False,
            },
            "thing": {"type": "object", "properties": {"spec": {"$ref": "#/definitions/spec"}}, "additionalProperties": False},
        },
    }


def test_text_is_the_document_with_a_definition_on_a_line(tool: Any) -> None:
    document = tool.reduce("1.2.3", {"api/v1": SCHEMAS})
    text = tool.render(document)
    assert json.loads(text) == document
    assert len(text.splitlines()) == 4 + len(document["definitions"])


def test_a_kind_that_the_server_does_not_have_is_an_error(tool: Any) -> None:
    with pytest.raises(LookupError, match="api/v1 has no Thing"):
        tool.reduce("1.2.3", {"api/v1": {}})


def test_writes_then_checks(tool: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tool, "fetch", lambda _kubeconfig: ("1.2.3", {"api/v1": SCHEMAS}))
    assert tool.main(["kubeconfig", "--check"]) == 1
    assert "data.json: differs from what the API server says; run: python tools/fetch_openapi.py" in capsys.readouterr().err
    assert tool.main(["kubeconfig"]) == 0
    assert tool.main(["kubeconfig", "--check"]) == 0


def test_kubectl_that_fails_is_told(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool.toolbox, "find", lambda program: Path("/nowhere") / program)
    monkeypatch.setattr(tool.process, "run", lambda argv, timeout: Completed(tuple(argv), 1, b"", b"no such host\n"))
    with pytest.raises(OSError, match="no such host"):
        tool.fetch(Path("kubeconfig"))
