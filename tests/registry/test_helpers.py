"""Where credentials come from, with a registry that wants a password; the program runs as a process of its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from images import AUTH, PASSWORD, PATH, RealRegistry

ROOT = Path(__file__).parents[2]
HELPER = f"""#!/bin/sh
{{ tr '\\0' ' ' </proc/$PPID/cmdline; echo; echo "$0 $*"; }} >>"$SEEN"
read -r host
[ "$host" = "$EXPECTED" ] || {{ echo "credentials not found in native keychain"; exit 1; }}
echo '{{"ServerURL": "'"$host"'", "Username": "dqm", "Secret": "{PASSWORD}"}}'
"""


@pytest.fixture
def program(tmp_path: Path, locked: RealRegistry) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `helmtool -vv tag check HG0105a` in a process, with a home of its own and what `env` adds."""
    root = tmp_path / "checkout"
    for folder in ("charts", "values"):
        shutil.copytree(ROOT / folder, root / folder)
    with (root / "values/prod.yaml").open("a") as file:
        file.write(f"\nimage: {{repository: '{locked.host}/{PATH}'}}\n")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "docker-credential-canary").write_text(HELPER)
    (bin_folder / "docker-credential-canary").chmod(0o755)

    def run(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        variables = {
            "PATH": f"{bin_folder}:{os.defpath}",
            "HOME": str(tmp_path / "home"),
            "SEEN": str(tmp_path / "seen"),
            "EXPECTED": locked.host,
            **env,
        }
        arguments = [sys.executable, "-m", "helmtool", "-vv", "tag", "check", "HG0105a"]
        return subprocess.run(arguments, cwd=root, env=variables, capture_output=True, text=True, timeout=60)

    return run


def write(file: Path, document: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(document))


# The place of the file, and the variables that name the place, each under the test's own folder.
PLACES = {
    "REGISTRY_AUTH_FILE": ("own/auth.json", {"REGISTRY_AUTH_FILE": "own/auth.json"}),
    "podman": ("run/containers/auth.json", {"XDG_RUNTIME_DIR": "run"}),
    "podman, in the home": ("home/.config/containers/auth.json", {}),
    "docker": ("home/.docker/config.json", {}),
    "DOCKER_CONFIG": ("docker/config.json", {"DOCKER_CONFIG": "docker"}),
    "helm": ("home/.config/helm/registry/config.json", {}),
    "HELM_REGISTRY_CONFIG": ("helm.json/config", {"HELM_REGISTRY_CONFIG": "helm.json/config"}),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_file_is_found(locked: RealRegistry, program: Callable[..., Any], tmp_path: Path, place: str) -> None:
    name, variables = PLACES[place]
    write(tmp_path / name, {"auths": {f"https://{locked.host}/v1/" if place == "docker" else locked.host: {"auth": AUTH}}})
    ran = program({key: str(tmp_path / value) for key, value in variables.items()})
    assert ran.returncode == 0, ran.stderr
    assert PASSWORD not in ran.stdout + ran.stderr
    assert AUTH not in ran.stdout + ran.stderr


@pytest.mark.parametrize("form", ["credHelpers", "credsStore"])
def test_a_helper_is_asked_over_its_standard_input(locked: RealRegistry, program: Callable[..., Any], tmp_path: Path, form: str) -> None:
    config = {"credHelpers": {locked.host: "canary"}} if form == "credHelpers" else {"auths": {locked.host: {}}, "credsStore": "canary"}
    write(tmp_path / "home/.docker/config.json", config)
    ran = program({})
    assert ran.returncode == 0, ran.stderr
    seen = (tmp_path / "seen").read_text()
    assert "docker-credential-canary get\n" in seen
    assert not [text for text in (ran.stdout, ran.stderr, seen) for secret in (PASSWORD, AUTH) if secret in text]


def test_a_helper_that_knows_nothing_is_no_error_of_its_own(locked: RealRegistry, program: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "home/.docker/config.json", {"credsStore": "canary"})
    ran = program({"EXPECTED": "another.host"})
    assert ran.returncode == 5
    assert "no credentials for it were found" in ran.stderr


@pytest.mark.parametrize(
    "docker",
    [{"credsStore": "missing"}, {"credsStore": "broken"}, {"credsStore": "../../bin/sh"}, {"credHelpers": {"HOST": "missing"}}],
    ids=str,
)
def test_a_helper_that_fails_leaves_the_login_to_the_next_source(
    locked: RealRegistry, program: Callable[..., Any], tmp_path: Path, docker: dict[str, Any]
) -> None:
    broken = tmp_path / "bin/docker-credential-broken"
    broken.write_text("#!/bin/sh\necho pass not initialized >&2; exit 1\n")
    broken.chmod(0o755)
    write(tmp_path / "home/.docker/config.json", json.loads(json.dumps(docker).replace("HOST", locked.host)))
    alone = program({})
    assert (alone.returncode, "which" in alone.stderr, str(tmp_path / "home/.docker/config.json") in alone.stderr) == (3, True, True)
    write(tmp_path / "home/.config/helm/registry/config.json", {"auths": {locked.host: {"auth": AUTH}}})
    ran = program({})
    assert ran.returncode == 0, ran.stderr


def test_a_helper_of_the_host_that_fails_leaves_it_to_the_entry_beside_it(
    locked: RealRegistry, program: Callable[..., Any], tmp_path: Path
) -> None:
    config = {"credHelpers": {locked.host: "missing"}, "auths": {locked.host: {"auth": AUTH}}}
    write(tmp_path / "home/.docker/config.json", config)
    assert program({}).returncode == 0


BROKEN = {
    "a helper that is not there": ({"credsStore": "missing"}, "cannot be started"),
    "a helper with a path": ({"credsStore": "../../bin/sh"}, "no program's name"),
    "not base64": ({"auths": {"HOST": {"auth": "swordfish!"}}}, "not base64"),
    "no colon in it": ({"auths": {"HOST": {"auth": base64.b64encode(b"swordfish").decode()}}}, "not base64 of user:password"),
    "a list": ({"auths": ["swordfish"]}, "expected an object"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_and_not_quoted(locked: RealRegistry, program: Callable[..., Any], tmp_path: Path, case: str) -> None:
    document, words = BROKEN[case]
    file = tmp_path / "home/.docker/config.json"
    write(file, json.loads(json.dumps(document).replace("HOST", locked.host)))
    ran = program({})
    assert ran.returncode == 3, ran.stderr
    assert words in ran.stderr
    assert PASSWORD not in ran.stderr
