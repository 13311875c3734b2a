"""What is known to the redactor of a registry's credentials, before docker or helm may print any of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from helmtool.adapters.registry.credentials import find_credential, protect_stored
from helmtool.model.redaction import REDACTED, redact_text, redactor
from helmtool.model.registry import parse_repository

PASSWORD, OTHER, TOKEN = "cli-secret-0123456789", "of-another-registry", "identity-token-abcdef"
HELPER = f"""#!/bin/sh
echo '{{"Username": "dqm", "Secret": "{PASSWORD}"}}'
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    redactor.forget()
    yield
    redactor.forget()


def basic(password: str) -> str:
    return base64.b64encode(f"dqm:{password}".encode()).decode()


def test_every_entry_of_a_file_is_known_before_docker_runs(tmp_path: Path) -> None:
    entries = {
        "a": {"auth": basic(PASSWORD)},
        "b": {"username": "dqm", "password": OTHER},
        "c": {"identitytoken": TOKEN},
        "d": {"auth": "?"},
        "e": 5,
    }
    for name, entry in entries.items():
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {name: entry}}))
        protect_stored()
    for secret in (PASSWORD, basic(PASSWORD), OTHER, basic(OTHER), TOKEN):
        assert redact_text(f"docker says {secret} here") == f"docker says {REDACTED} here"


def test_an_entry_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"a": {"auth": "?"}, "b": {"auth": basic(PASSWORD)}}}))
    protect_stored()
    assert redact_text(PASSWORD) == REDACTED


def test_what_a_helper_gives_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "auth.json").write_text(json.dumps({"credsStore": "own"}))
    helper = tmp_path / "docker-credential-own"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find_credential(parse_repository("registry.example/a/b"))
    for secret in (PASSWORD, basic(PASSWORD)):
        assert redact_text(f"helm says {secret}") == f"helm says {REDACTED}"
