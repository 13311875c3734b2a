"""The templates for GitHub and GitLab: their form, their shell, and the step that posts, run as it stands against a local server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from forge import Forge, serve

CHECKOUT = Path(__file__).parents[2]
GITHUB, GITLAB = CHECKOUT / "docs/ci/github-review.yml", CHECKOUT / "docs/ci/gitlab-review.yml"
TOKEN = "canary-token-of-the-forge"


@pytest.fixture
def forge() -> Iterator[Forge]:
    made = Forge()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


def steps() -> dict[str, str]:
    """The shell of each step of the workflow, by its name."""
    job = yaml.safe_load(GITHUB.read_text())["jobs"]["review"]
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


def lines() -> list[str]:
    """The lines of GitLab's job, which it runs one after the other in one shell."""
    job = yaml.safe_load(GITLAB.read_text())["helmtool-review"]
    return [*job["before_script"], *job["script"]]


@pytest.mark.parametrize(("file", "schema"), [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")])
def test_the_form_is_the_published_one(file: Path, schema: str, tmp_path: Path) -> None:
    argv = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", schema]
    checked = subprocess.run([*argv, str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    broken = tmp_path / "broken.yml"
    broken.write_text(file.read_text().replace("    runs-on:", "    runs_on:").replace("  interruptible: true", "  interruptible: 7"))
    assert subprocess.run([*argv, str(broken)], capture_output=True).returncode == 1


@pytest.mark.parametrize("shell", [*steps().values(), "\n".join(lines())])
def test_the_shell_is_sound(shell: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.fail("shellcheck is missing") if os.environ.get("CI") else pytest.skip("shellcheck is missing: apt-get install shellcheck")
    checked = subprocess.run(["shellcheck", "--shell=bash", "-"], input=f"{shell}\n", capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_what_runs_beside_a_kubeconfig_is_pinned() -> None:
    actions = [step for job in yaml.safe_load(GITHUB.read_text())["jobs"].values() for step in job["steps"] if "uses" in step]
    assert [step["uses"] for step in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])] == []
    checkouts = [step for step in actions if step["uses"].startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    scripts = [GITHUB, GITLAB, CHECKOUT / "docker/helmtool/Dockerfile"]
    installs = [line for file in scripts for line in file.read_text().splitlines() if re.search(r"\bpip install\b", line)]
    own = [line for line in installs if "--no-deps" in line and ("--no-build-isolation" in line or ".whl" in line)]
    assert own
    assert [line for line in installs if "--require-hashes" not in line and line not in own] == []


def test_what_is_pinned_to_build_is_what_the_tests_build_with() -> None:
    build, dev = (
        dict(re.findall(r"^(\S+)==(\S+)", (CHECKOUT / f"requirements/{name}.txt").read_text(), re.M)) for name in ("build", "dev")
    )
    assert build["hatchling"]
    assert build.items() <= dev.items()


def test_what_is_untrusted_is_in_no_shell() -> None:
    """An expression in a script is put there before the shell reads it."""
    assert not [name for name, shell in steps().items() if "${{" in shell]


class Job:
    """A job of one of the two, whose API is the local server."""

    def __init__(self, forge: Forge, kind: str, folder: Path) -> None:
        self._forge, self._kind, self._folder = forge, kind, folder
        (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        (folder / "bin").mkdir()
        (folder / "bin/python").symlink_to(sys.executable)

    @property
    def variables(self) -> dict[str, str]:
        shared = {"PATH": f"{self._folder / 'bin'}:/usr/bin:/bin", "HELMTOOL_ENV": "preprod", "PYTHONDONTWRITEBYTECODE": "1"}
        if self._kind == "github":
            address = {"GITHUB_API_URL": self._forge.url, "GITHUB_REPOSITORY": "dqm/services", "GITHUB_TOKEN": TOKEN}
            return (
                shared
                | address
                | {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(self._folder / "event.json"), "RUNNER_TEMP": str(self._folder)}
            )
        address = {"CI_API_V4_URL": f"{self._forge.url}/api/v4", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7"}
        return shared | address | {"GITLAB_CI": "true", "HELMTOOL_REVIEW_TOKEN": TOKEN}

    def post(self, review: str, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Runs the template's own line that posts, in a checkout in which the review was made."""
        line = steps()["Post"] if self._kind == "github" else lines()[-1]
        (self._folder / "review.md").write_text(review)
        (self._folder / "tools").exists() or (self._folder / "tools").symlink_to(CHECKOUT / "tools")
        variables = {name: value for name, value in (self.variables | more).items() if name != without}
        return subprocess.run(["bash", "-e", "-c", line], cwd=self._folder, env=variables, capture_output=True, text=True, timeout=60)


@pytest.fixture(params=["github", "gitlab"])
def job(request: Any, forge: Forge, tmp_path: Path) -> Job:
    return Job(forge, request.param, tmp_path)


def test_the_second_run_changes_the_comment_of_the_first(job: Job, forge: Forge) -> None:
    forge.comments = {1: "looks good to me"}
    assert "comment added" in job.post("## one\n").stderr
    assert "comment changed" in job.post("## two\n").stderr
    assert forge.comments == {1: "looks good to me", 2: "<!-- helmtool review: preprod -->\n## two\n"}
    assert job.post("## prod\n", HELMTOOL_ENV="prod").returncode == 0
    assert len(forge.comments) == 3  # another environment's review is another comment


def test_an_old_comment_is_found_on_a_later_page(job: Job, forge: Forge) -> None:
    forge.comments = dict.fromkeys(range(1, 251), "talk")
    forge.comments[230] = "<!-- helmtool review: preprod -->\nold"
    assert job.post("## new\n").returncode == 0
    assert forge.comments[230].endswith("## new\n")
    assert len(forge.comments) == 250


def test_who_quotes_the_mark_keeps_the_comment(job: Job, forge: Forge) -> None:
    forge.comments = {1: "see <!-- helmtool review: preprod -->", 2: "<!-- helmtool review: preprod -->\nsomebody else's"}
    forge.foreign = {2}
    assert job.post("## new\n").returncode == 0
    assert forge.comments[1].startswith("see")
    assert forge.comments[2].endswith("somebody else's")
    assert forge.comments[3].endswith("## new\n")


def test_a_comment_is_never_longer_than_it_may_be(job: Job, forge: Forge) -> None:
    assert job.post("x" * 70_000).returncode == 0
    assert (len(forge.comments[1]), "does not fit" in forge.comments[1]) == (65_536, True)


def test_the_token_goes_into_a_header_alone(job: Job, forge: Forge) -> None:
    ran = job.post("## one\n")
    assert TOKEN not in ran.stdout + ran.stderr
    for _, path, headers in forge.asked:
        assert TOKEN in (headers.get("Authorization", "") + headers.get("Private-Token", ""))
        assert TOKEN not in path


def test_what_goes_wrong_is_said_without_a_traceback(job: Job, forge: Forge) -> None:
    forge.refuses = 401
    refused = job.post("## one\n")
    assert (refused.returncode, "HTTP 401" in refused.stderr, "Traceback" in refused.stderr) == (1, True, False)
    for name in ("GITHUB_ACTIONS", "GITHUB_TOKEN", "GITHUB_EVENT_PATH", "GITLAB_CI", "HELMTOOL_REVIEW_TOKEN"):
        if name in job.variables:
            missing = job.post("## one\n", without=name)
            assert (missing.returncode, name in missing.stderr, "Traceback" in missing.stderr) == (1, True, False)
    assert TOKEN not in refused.stderr


def test_a_real_review_fits(job: Job, forge: Forge, tmp_path: Path) -> None:
    """What the program itself writes, here between two environments, for which no cluster is needed."""
    argv = [sys.executable, "-m", "helmtool", "diff", "prod", "HG0105a-stable", "--against", "preprod", "--format", "markdown"]
    review = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    assert job.post(review).returncode == 0
    assert forge.comments[1] == f"<!-- helmtool review: preprod -->\n{review}"
