"""Where programs are found, and which versions of them do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from helmtool.adapters import toolbox
from helmtool.adapters.toolbox import NoHome, ToolMissing

MODULES = {
    "helm": "helm.sh/helm/v4",
    "kwok": "sigs.k8s.io/kwok",
    "kwokctl": "sigs.k8s.io/kwok",
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes",
    "kube-controller-manager": "k8s.io/kubernetes",
    "kube-scheduler": "k8s.io/kubernetes",
    "kubectl": "k8s.io/kubernetes",
    "sops": "github.com/getsops/sops/v3",
    "age-keygen": "filippo.io/age",
}
OF_SOPS = {"sops", "age-keygen"}


def program(folder: Path, name: str, output: str, code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho started >> '{folder}/started'\necho '{output}'\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any of the programs: an empty cache and an empty folder as PATH."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(bin_folder))
    toolbox.read_version.cache_clear()
    return bin_folder


def test_versions_are_those_of_the_go_module() -> None:
    folder = Path(__file__).parents[3] / "tools"
    files = {name: folder / "sops" / "go.mod" if name in OF_SOPS else folder / "go.mod" for name in MODULES}
    found = {name: re.search(rf"^\s*{re.escape(module)} v(\S+)", files[name].read_text(), re.MULTILINE) for name, module in MODULES.items()}
    assert {name: match.group(1) for name, match in found.items() if match} == toolbox.VERSIONS


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("v4.3.1", "4.3.1"),
        ("v4.1.0+g4553a0a", "4.1.0"),
        ("Client Version: v1.37.2\nKustomize Version: v5.8.1", "1.37.2"),
        ("Kubernetes v1.37.0-rc.1", "1.37.0-rc.1"),
        ("etcd Version: 3.7.1\nGo Version: go1.26.8", "3.7.1"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "0.8.0"),
        ("sops 3.13.3", "3.13.3"),
        ("v4.3", None),
        ("", None),
        ("version.BuildInfo{}", None),
    ],
)
def test_a_version_is_read_from_what_a_program_prints(output: str, version: str | None) -> None:
    assert toolbox.parse_version(output) == version


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("helm", "4.1.0", True),
        ("helm", "4.2.4", True),
        ("helm", "4.10.0", True),
        ("helm", "4.2.1", False),
        ("helm", "4.0.9", False),
        ("helm", "3.19.0", False),
        ("helm", "5.0.0", False),
        ("helm", "4.4.0-rc.1", False),
        ("sops", "3.10.0", True),
        ("sops", "3.13.3", True),
        ("sops", "3.9.4", False),
        ("sops", "4.0.0", False),
        ("age-keygen", "1.1.1", True),
        ("kubectl", "1.37.2", True),
        ("kubectl", "1.37.1", False),
        ("kube-apiserver", "1.37.2-rc.0", False),
        ("kwokctl", "0.8.1", False),
    ],
)
def test_which_versions_fit(name: str, version: str, fits: bool) -> None:
    assert toolbox.fits(name, version, toolbox.VERSIONS[name]) is fits


def test_the_pinned_helm_is_found_without_starting_it(empty: Path) -> None:
    path = program(toolbox.pinned_path("helm").parent, "helm", "never asked")
    assert toolbox.helm() == (path, toolbox.VERSIONS["helm"])
    assert not (path.parent / "started").exists()


def test_a_fitting_helm_on_path_is_asked_once(empty: Path) -> None:
    path = program(empty, "helm", "v4.2.4")
    assert toolbox.helm() == (path, "4.2.4")
    assert toolbox.find("helm") == path
    assert (empty / "started").read_text().count("started") == 1


def test_the_pinned_program_comes_before_the_one_on_path(empty: Path) -> None:
    program(empty, "helm", "v4.2.4")
    path = program(toolbox.pinned_path("helm").parent, "helm", "")
    assert toolbox.find("helm") == path


@pytest.mark.parametrize("version", ["v3.19.0", "v4.0.5", "v4.2.1"])
def test_a_helm_that_does_not_fit_is_refused(empty: Path, version: str) -> None:
    path = program(empty, "helm", version)
    with pytest.raises(ToolMissing) as error:
        toolbox.helm()
    assert error.value.exit_code == 3
    assert error.value.code == "tool-missing"
    assert error.value.message == f"helm >= 4.1 and < 5, not 4.2.1, is needed, but {path} is {version[1:]}"
    assert error.value.hint == "helmtool tools install"


def test_a_kubernetes_program_must_be_exactly_as_pinned(empty: Path) -> None:
    path = program(empty, "kubectl", "Client Version: v1.32.4")
    with pytest.raises(ToolMissing, match=re.escape(f"kubectl 1.37.2 is needed, but {path} is 1.32.4")) as error:
        toolbox.find("kubectl")
    assert error.value.hint == "build it with: make tools"


def test_nothing_there(empty: Path) -> None:
    with pytest.raises(ToolMissing, match=r"there is no etcd in .*/helmtool/tools or on PATH"):
        toolbox.find("etcd")


@pytest.mark.parametrize(("output", "code"), [("no version here", 0), ("v4.3.1", 1)])
def test_a_program_that_does_not_tell_its_version(empty: Path, output: str, code: int) -> None:
    program(empty, "helm", output, code)
    with pytest.raises(ToolMissing, match="does not tell its version"):
        toolbox.helm()


def test_a_program_that_hangs(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(empty, "helm", "")
    path.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(toolbox, "VERSION_TIMEOUT", 0.1)
    with pytest.raises(ToolMissing, match="does not tell its version"):
        toolbox.helm()


def test_a_pinned_file_that_cannot_be_started_is_not_used(empty: Path) -> None:
    program(toolbox.pinned_path("helm").parent, "helm", "").chmod(0o644)
    with pytest.raises(ToolMissing):
        toolbox.helm()


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_folder(empty: Path, monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/too")
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    with pytest.raises(NoHome, match="XDG_CACHE_HOME"):
        toolbox.tools_folder()
    with pytest.raises(ToolMissing, match="no home folder to look in"):
        toolbox.find("helm")
    path = program(empty, "helm", "v4.3.1")
    assert toolbox.find("helm") == path


def test_a_relative_cache_folder_is_ignored(empty: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert toolbox.tools_folder() == tmp_path / ".cache" / "helmtool" / "tools"


def test_the_import_is_cheap() -> None:
    code = "import sys, helmtool.adapters.toolbox; print([m for m in ('kubernetes', 'pyhelm3', 'yaml', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
