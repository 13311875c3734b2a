"""What holds for every shell script of the image and of the pod, and what install.sh refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pod import CHECKOUT, IMAGE, STAND_IN, need

SCRIPTS = sorted([*CHECKOUT.glob("docker/*/*.sh"), *STAND_IN.glob("scripts/*.sh"), *CHECKOUT.glob("charts/*/files/*.sh")])


def test_there_are_scripts() -> None:
    assert {script.name for script in SCRIPTS} >= {"install.sh", "monitor.sh", "run.sh", "setup-certs-and-run.sh"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_shellcheck(script: Path) -> None:
    need("shellcheck")
    result = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("script", sorted(CHECKOUT.glob("docker/*/*.sh")), ids=lambda script: script.name)
def test_ends_at_the_first_error(script: Path) -> None:
    assert "\nset -euo pipefail\n" in script.read_text()
    assert script.stat().st_mode & 0o111


def install(*arguments: str) -> str:
    """What it says when it refuses."""
    command = ["/bin/bash", str(IMAGE / "install.sh"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/nowhere"})
    assert result.returncode != 0
    return result.stderr


def test_install_knows_its_steps_alone() -> None:
    assert "no such step: all" in install("all")
    assert "no such step: \n" in install()


def test_install_needs_a_package_manager_that_it_knows() -> None:
    assert "none of apt-get, dnf and yum" in install("packages")


def test_a_keytab_and_docker_credentials_cannot_enter_the_build_context() -> None:
    ignored = (IMAGE / ".dockerignore").read_text().splitlines()
    assert {"**/*.keytab", "**/.docker", "**/*.pem", "**/*.key"} <= set(ignored)
