"""The folders that inputs are put into: a copy of the checkout, a home, and a services_config checkout; as new before each input."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from cases import Case, Content, Special
from forkserver import Forks, Ran
from servers import Hostile

from helmtool.adapters import toolbox

ROOT = Path(__file__).parents[2]
PATIENCE = 200.0


@dataclass(frozen=True)
class Good:
    """The files as they are before an input changes them, by name (`root/values/prod.yaml`)."""

    files: Mapping[str, bytes]
    recipient: str
    identity: str

    def text(self, name: str) -> str:
        """One of them, as text."""
        return self.files[name].decode()


class Site:
    """One set of folders with a fork server and a hostile server of its own; for one thread."""

    def __init__(self, folder: Path, good: Good) -> None:
        self.folder, self._good, self.hostile = folder, good, Hostile()
        for name in ("charts", "values", "schemas"):
            shutil.copytree(ROOT / name, folder / "root" / name)
        self._cache = folder / "cache"
        for program in ("helm", "sops"):
            link = self._cache / "helmtool/tools" / f"{program}-{toolbox.VERSIONS[program]}" / program
            link.parent.mkdir(parents=True)
            link.symlink_to(toolbox.locate(program).path)
        self._forks = Forks(self.variables({}))
        self._dirty: list[Path] = []
        for name, content in good.files.items():
            self._put(name, content)

    def variables(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment of a plain shell."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CEILING_DIRECTORIES": os.sep,
            **{name: self._filled(value) for name, value in more.items()},
        }

    def run(self, case: Case) -> Ran:
        """Runs the input in a forked child."""
        return self._forks.run(self.arguments(case), self.folder / "root", self.variables(case.variables), case.memory)

    def run_for_real(self, case: Case) -> tuple[int, bytes, bytes]:
        """Runs it as a process of its own, and gives exit code, stdout and stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "helmtool", *self.arguments(case)],
            cwd=self.folder / "root",
            env=self.variables(case.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout, done.stderr

    def arguments(self, case: Case) -> list[str]:
        """The command line as it is typed here."""
        return [self._filled(argument) for argument in case.arguments]

    def prepare(self, case: Case) -> None:
        """Puts the input where the command will find it, and everything else as it should be."""
        for path in self._dirty:
            _remove(path)
        self._dirty = []
        shutil.rmtree(self._cache / "helmtool/facts", ignore_errors=True)
        for name, content in self._good.files.items():
            if (self.folder / name).is_symlink() or not (self.folder / name).is_file():
                _remove(self.folder / name)
            if not (self.folder / name).exists() or (self.folder / name).read_bytes() != self._filled_bytes(content):
                self._put(name, content)
        for name, given in case.files.items():
            self._put(name, given)
            if name not in self._good.files:
                self._dirty.append(self.folder / name)
        self.hostile.begin(case.answers)

    def close(self) -> None:
        """Ends both servers."""
        self._forks.close()
        self.hostile.close()

    def _put(self, name: str, content: Content) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Special) or path.is_symlink() or not path.is_file():
            _remove(path)
        if isinstance(content, Special):
            _make(path, content.kind)
        else:
            path.write_bytes(self._filled_bytes(content))

    def _filled_bytes(self, content: bytes) -> bytes:
        for name, value in self._places().items():
            content = content.replace(b"{%s}" % name.encode(), value.encode())
        return content

    def _filled(self, text: str) -> str:
        for name, value in self._places().items():
            text = text.replace("{" + name + "}", value)
        return text

    def _places(self) -> dict[str, str]:
        return {"server": self.hostile.address} | {name: str(self.folder / name) for name in ("root", "home", "secrets")}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make(path: Path, kind: str) -> None:
    """What is no plain file."""
    links = {"loop": path, "dangling": Path("/nowhere/at/all"), "zero": Path("/dev/zero"), "memory": Path("/proc/self/mem")}
    if kind in links:
        path.symlink_to(links[kind])
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(5 << 30)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):
            one.bind(path.name)


def good_files(folder: Path) -> Good:
    """The good inputs: the checkout's own files, kubeconfigs, credentials, and secrets that the real sops has encrypted."""
    from secret_inputs import make_secrets

    root = {
        f"root/{path.relative_to(ROOT)}": path.read_bytes()
        for pattern in ("values/*.yaml", "charts/newdqmgui/*.yaml", "charts/newdqmgui/values.schema.json")
        for path in sorted(ROOT.glob(pattern))
    }
    identity, recipient, secrets = make_secrets(folder)
    return Good({**root, **secrets}, recipient, identity)


def kubeconfig(server: str, cluster: str = "cmsweb-test4", token: str = "abc") -> bytes:
    """A kubeconfig whose current context reaches that cluster."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "ctx",
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
        "contexts": [{"name": "ctx", "context": {"cluster": cluster, "user": "u", "namespace": "dqm"}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    return yaml.safe_dump(document).encode()
