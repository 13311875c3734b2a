"""Which releases are pinned; the downloads themselves are tried in tests/install."""

from __future__ import annotations

import json
import os
import re

import pytest

from helmtool.adapters import tool_download, toolbox
from helmtool.adapters.tool_download import DigestUnknown, find_release

DATA = json.loads(tool_download.DATA.read_bytes())


def machine(monkeypatch: pytest.MonkeyPatch, system: str, kind: str) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((system, "host", "1", "1", kind)))


def test_the_releases_are_those_of_the_pinned_versions() -> None:
    assert {program: found["version"] for program, found in DATA.items()} == {name: toolbox.VERSIONS[name] for name in toolbox.CLIENT}
    digests = [digest for found in DATA.values() for digest in found["sha256"].values()]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests)
    assert len(set(digests)) == len(digests)
    assert all(found["from"].startswith("https://") for found in DATA.values())
    assert all("linux-amd64" in found["sha256"] for found in DATA.values())


@pytest.mark.parametrize(
    ("program", "url", "member"),
    [
        ("helm", "https://get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz", "linux-amd64/helm"),
        ("sops", "https://github.com/getsops/sops/releases/download/v3.13.3/sops-v3.13.3.linux.amd64", ""),
        ("age-keygen", "https://github.com/FiloSottile/age/releases/download/v1.3.1/age-v1.3.1-linux-amd64.tar.gz", "age/age-keygen"),
    ],
)
def test_where_a_release_is(monkeypatch: pytest.MonkeyPatch, program: str, url: str, member: str) -> None:
    machine(monkeypatch, "Linux", "x86_64")
    release = find_release(program)
    assert (f"{release.address}/{release.file}", release.member) == (url, member)


@pytest.mark.parametrize(("system", "kind"), [("Linux", "aarch64"), ("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_a_machine_without_a_digest(monkeypatch: pytest.MonkeyPatch, system: str, kind: str) -> None:
    machine(monkeypatch, system, kind)
    with pytest.raises(DigestUnknown, match=rf"helm 4\.3\.1 on {system.lower()}-") as caught:
        find_release("helm")
    assert (caught.value.exit_code, "from source" in caught.value.hint) == (3, True)
