"""The image of helmtool itself, built by its script and run as CI jobs and apptainer run it: read-only, as any user, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import BASE, SOURCE, docker

from helmtool import __version__
from helmtool.adapters import toolbox

SCRIPT = SOURCE / "docker/helmtool/build.sh"
NAME = "helmtool-test:image"


def build(**env: str) -> subprocess.CompletedProcess[str]:
    argv = [str(SCRIPT), NAME, "--build-arg", f"BASE_IMAGE={BASE}"]
    variables = {**os.environ, "PYTHON": sys.executable, **env}
    return subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=1500)


@pytest.fixture(scope="module")
def image() -> str:
    for program in toolbox.CLIENT:
        if not toolbox.is_pinned(program):
            pytest.skip(f"{program} is not built; next: make tools-client")
    built = build()
    assert built.returncode == 0, (built.stdout + built.stderr)[-3000:]
    return NAME


def run(image: str, *arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    strict = ("--rm", "--read-only", "--user", "12345", "--network", "none", "--cap-drop", "ALL", "--env", "HOME=/nowhere")
    return docker("run", *strict, *options, image, *arguments, check=False)


def test_what_the_image_says_of_itself(image: str) -> None:
    config: dict[str, Any] = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if name.startswith("org.opencontainers.image.")}
    commit = subprocess.run(["git", "-C", str(SOURCE), "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert labels["title"] == "helmtool"
    assert labels["version"] == __version__
    assert labels["revision"].removesuffix("-dirty") == commit
    assert labels["created"].endswith("Z")
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("65532:65532", ["helmtool"], ["--help"])


def test_it_works_read_only_as_any_user_without_network_and_home(image: str) -> None:
    assert run(image, "--version").stdout == f"helmtool {__version__}\n"
    ran = run(image, "validate")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("6 objects") + ran.stderr.count("6 objects") == 4
    assert "no checkout here: using the copy in helmtool" in ran.stderr
    rendered = run(image, "render", "prod", "HG0105a", "-o", "json")
    assert {each["kind"] for each in json.loads(rendered.stdout)} > {"Deployment", "Service"}


def test_the_programs_are_the_pinned_ones(image: str) -> None:
    ran = run(image, "tools", "status", "-o", "json")
    assert ran.returncode == 0, ran.stderr
    assert {each["program"]: (each["version"], each["path"]) for each in json.loads(ran.stdout)} == {
        program: (toolbox.VERSIONS[program], f"/usr/local/bin/{program}") for program in toolbox.CLIENT
    }


def test_exit_codes_come_through(image: str) -> None:
    assert run(image, "validate", "nowhere").returncode == 3
    assert run(image, "tag", "check", "--offline", "HG9999a").returncode == 3
    assert run(image).returncode == 0
    assert "Usage: helmtool" in run(image).stdout


def test_a_mounted_checkout_is_taken_and_its_commit_known(image: str, tmp_path: Path) -> None:
    for folder in ("charts", "values"):
        shutil.copytree(SOURCE / folder, tmp_path / folder)
    own = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(tmp_path), *own, *arguments], check=True)
    commit = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    tmp_path.chmod(0o755)
    mount = ("--volume", f"{tmp_path}:/work:ro")
    ran = run(image, "validate", "prod", options=mount)
    assert (ran.returncode, "no checkout" in ran.stderr) == (0, False), ran.stderr
    code = "from helmtool.adapters.project import find_project; print(find_project(None).git_state())"
    said = run(image, "-c", code, options=(*mount, "--entrypoint", "python"))
    assert said.stdout == f"{commit[:12]}\n", said.stderr


def test_nothing_that_only_the_build_needs_is_left(image: str) -> None:
    script = "command -v pip; ls -d /opt/context ~root/.cache /var/lib/apt/lists/* /usr/share/python-wheels"
    assert run(image, "-c", script, options=("--entrypoint", "sh")).stdout == ""


def test_without_the_programs_it_is_not_built(tmp_path: Path) -> None:
    ran = build(XDG_CACHE_HOME=str(tmp_path))
    assert ran.returncode == 1
    assert "Next: make tools-client" in ran.stderr
