"""Each hook lets a good commit pass and stops a bad one, run by the real pre-commit in a throw-away repository."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Hooks, run

from helmtool.adapters import toolbox

Make = Callable[[str], Hooks]


def copy(hooks: Hooks, *folders: str) -> None:
    for folder in folders:
        shutil.copytree(ROOT / folder, hooks.folder / folder, ignore=shutil.ignore_patterns("__pycache__"))


def test_the_file_is_one_that_pre_commit_takes(home: Path) -> None:
    run(["pre-commit", "validate-manifest", ".pre-commit-hooks.yaml"], ROOT, home)
    listed = [hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())]
    assert listed == ["helmtool-validate", "helmtool-schema-drift", "helmtool-plaintext-secrets"]


def test_try_repo(source: Path, home: Path, tmp_path: Path) -> None:
    """What a person types who only wants to look."""
    run(["git", "init", "-q"], tmp_path, home)
    (tmp_path / "newdqmgui").mkdir()
    (tmp_path / "newdqmgui/token.txt").write_text("not a pattern of anything\n")
    run(["git", "add", "-A"], tmp_path, home)
    tried = run(["pre-commit", "try-repo", str(source), "helmtool-plaintext-secrets", "--all-files"], tmp_path, home, check=False)
    assert tried.returncode == 1, tried
    assert "newdqmgui/token.txt: new, and not encrypted" in " ".join(tried.stdout.split())


def test_validate(hooks: Make) -> None:
    repository = hooks("helmtool-validate")
    copy(repository, "values", "charts", "schemas")
    committed = repository.commit()
    assert committed.returncode == 0, committed
    file = repository.folder / "values/prod.yaml"
    file.write_text(file.read_text() + "\nprogresDeadlineSeconds: 3\n")
    refused = repository.commit()
    assert refused.returncode == 1
    assert "unknown key, did you mean progressDeadlineSeconds?" in refused.stderr + refused.stdout


def test_schema_drift(hooks: Make) -> None:
    repository = hooks("helmtool-schema-drift")
    copy(repository, "charts", "schemas", "tools")
    assert repository.commit().returncode == 0
    file = repository.folder / "schemas/environments.schema.yaml"
    file.write_text(file.read_text().replace("title: Environments\n", "title: Places\n"))
    refused = repository.commit()
    assert refused.returncode == 1
    assert "schemas/environments.schema.json: differs from its source" in refused.stderr + refused.stdout


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    """An age identity and its recipient."""
    file = tmp_path / "keys.txt"
    subprocess.run([toolbox.find("age-keygen"), "-o", file], check=True, capture_output=True)
    return file, subprocess.run([toolbox.find("age-keygen"), "-y", file], check=True, capture_output=True, text=True).stdout.strip()


def test_plaintext_secrets(hooks: Make, key: tuple[Path, str]) -> None:
    repository = hooks("helmtool-plaintext-secrets")
    service = repository.folder / "newdqmgui"
    service.mkdir()
    (repository.folder / "README.md").write_text("services_config\n")
    secret = service / "token.txt"
    secret.write_text("a-token-that-no-pattern-knows\n")
    refused = repository.commit()
    assert refused.returncode == 1
    assert "newdqmgui/token.txt: new, and not encrypted" in " ".join((refused.stderr + refused.stdout).split())
    assert "a-token-that-no-pattern-knows" not in refused.stderr + refused.stdout
    sops = [str(toolbox.find("sops")), "--encrypt", "--age", key[1], "--input-type", "binary", str(secret)]
    (service / "token.txt.encrypted").write_bytes(subprocess.run(sops, check=True, capture_output=True).stdout)
    assert "the plaintext of token.txt.encrypted" in " ".join((repository.commit().stderr).split())
    secret.unlink()
    committed = repository.commit()
    assert committed.returncode == 0, committed


def test_a_settings_file_may_change_but_no_key_gets_into_it(hooks: Make, key: tuple[Path, str]) -> None:
    repository = hooks("helmtool-plaintext-secrets")
    settings = repository.folder / "newdqmgui/settings.conf"
    settings.parent.mkdir()
    settings.write_text("workers = 1\n")
    repository.git("add", "-A")
    repository.git("commit", "-qm", "settings, on purpose", "--no-verify")
    settings.write_text("workers = 2\n")
    assert repository.commit().returncode == 0
    settings.write_text(key[0].read_text())
    refused = repository.commit()
    assert refused.returncode == 1
    assert "a key or a token is in it" in " ".join((refused.stderr + refused.stdout).split())
    assert "AGE-SECRET-KEY-1" not in refused.stderr + refused.stdout
    settings.write_text("workers = 2\n")
    (settings.parent / "robot.encrypted").write_text("not encrypted at all\n")
    assert "not encrypted, though its name ends in .encrypted" in " ".join((repository.commit().stderr).split())
