"""One run of the hunt: a command of helmtool with something that goes wrong, watched from outside by strace."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from canaries import SHAPES, Canary, Detector, large
from cli import KEPT_VARIABLES, ROOT, add_values, copy_project
from encrypted import SERVICE, Checkout, make_checkout

from helmtool.adapters.local import kwok
from helmtool.adapters.local.state import State

HERE = Path(__file__).parent
PATIENCE = 60.0
SYNC, ASYNC = "sync", "async"
POINTS = {
    **{
        f"helmtool.adapters.secrets:VersionStore.{name}": SYNC
        for name in ("versions", "read", "key", "make_key", "apply", "claim", "delete")
    },
    "helmtool.adapters.secrets:VersionStore.named_in_objects": SYNC,
    "helmtool.adapters.cluster:Cluster.request": "request",
    "helmtool.adapters.cluster:Cluster.apply": "request",
    "helmtool.adapters.helm:run_async": "helm",
    "helmtool.adapters.helm:Helm.upgrade": "describe",
    "helmtool.adapters.helm:Helm.template": ASYNC,
    "helmtool.adapters.helm:Helm.rollback": ASYNC,
    "helmtool.operations.settle:watch_rollout": ASYNC,
    "helmtool.operations.release:make_plan": ASYNC,
    "helmtool.operations.secrets.step:plan": SYNC,
    "helmtool.operations.secrets.step:apply": SYNC,
    "helmtool.operations.secrets.step:tell": SYNC,
    "helmtool.operations.secrets.apply:plan": SYNC,
    "helmtool.operations.journal:Journal._write": SYNC,
    "helmtool.cli.terminal:Terminal.document": SYNC,
    "helmtool.cli.terminal:Terminal.data": SYNC,
    "helmtool.cli.terminal:Terminal.done": SYNC,
    "helmtool.adapters.sops:Sops.decrypt": SYNC,
    "helmtool.adapters.sops:Sops.encrypt": SYNC,
    "helmtool.adapters.process:run": SYNC,
}
KINDS = {
    SYNC: ("raise", "raise", "chain", "talk", "thread", "kill"),
    ASYNC: ("raise", "raise", "chain", "talk", "kill"),
    "request": ("answer", "answer", "raise", "talk", "kill"),
    "helm": ("helm", "helm", "raise", "kill"),
    "describe": ("describe", "raise", "kill"),
}
CLUSTER = "Store|request|Cluster.apply|Terminal"
NEAR = {
    "release": f"{CLUSTER}|adapters.helm:|release:|settle:|secrets.step|Journal|Sops.decrypt",
    "diff": f"{CLUSTER}|run_async|template|step|Sops.decrypt",
    "apply": f"{CLUSTER}|secrets.apply|step:tell|Sops.decrypt",
    "list": CLUSTER,
    "check": "Sops|process:run|Terminal",
    "encrypt": "Sops|process:run|Terminal",
    "decrypt": "Sops|process:run|Terminal",
    "edit": "Sops|process:run|Terminal",
    "rotate": "Sops|process:run|Terminal",
    "rollback": f"{CLUSTER}|rollback|Journal|run_async",
}
"""Where something may go wrong in a command, so that it does."""
WRITES = re.compile(r'(?:openat|creat)\((?:[^,"]*, )?"((?:[^"\\]|\\.)*)", [^)]*O_(?:WRONLY|RDWR|CREAT)[^)]*\)\s+= \d')
RENAMED = re.compile(r'rename(?:at2?)?\((?:[^,"]*, )?"((?:[^"\\]|\\.)*)"')


@dataclass
class Found:
    """What was seen where it must not be."""

    run: int
    where: str
    shape: str
    command: list[str]
    spec: dict[str, Any]


@dataclass
class Hunt:
    """Runs, one after the other, on one cluster; every canary of a batch is looked for in etcd too."""

    seed: str
    folder: Path
    state: State
    namespace: str
    broken: bool = False
    found: list[Found] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    batch: list[Canary] = field(default_factory=list)
    tags: int = 0

    def __post_init__(self) -> None:
        self.checkout = make_checkout(self.folder / "secrets")
        self.identity_text = next(line for line in self.checkout.identity.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))
        self.canaries: list[Canary] = []
        (self.folder / "project").mkdir()
        self.project = copy_project(self.folder / "project", str(self.state.kubeconfig))
        environments = self.project / "values/environments.yaml"
        document = yaml.safe_load(environments.read_text())
        document["environments"]["local"]["namespace"] = self.namespace
        environments.write_text(yaml.safe_dump(document))
        add_values(self.project, "local", {"cvmfs": {"claimName": ""}})  # nothing there provides it
        self.kubectl("create", "namespace", self.namespace)

    def kubectl(self, *arguments: str) -> None:
        done = kwok.kubectl(self.state, *arguments)
        assert done.returncode == 0, done.stderr.decode()

    def tidy(self) -> None:
        """Takes away what a killed run leaves, so that the next ones do more than wait for it."""
        self.kubectl("delete", "lease", "--all", "-n", self.namespace)
        for status in ("pending-install", "pending-upgrade", "pending-rollback"):
            self.kubectl("delete", "secret", "-n", self.namespace, "-l", f"owner=helm,status={status}")

    def run(self, number: int) -> None:
        """One run. Everything in it follows from the seed and the number."""
        rng = random.Random(f"{self.seed}/{number}")
        if not self.canaries or rng.random() < 0.6:
            self._new_canaries(rng)
        room = self.folder / "room"
        shutil.rmtree(room, ignore_errors=True)
        for name in ("home", "tmp", "work", "out"):
            (room / name).mkdir(parents=True)
        command = self._command(rng, room)
        spec = self._spec(rng, command)
        out, err, code, trace = self._start(rng, room, command, spec)
        self.counts["runs"] += 1
        self.counts[f"command {' '.join(command[:2]) if command[0] == 'secrets' else command[0]}"] += 1
        self.counts[f"exit code {code}"] += 1
        self.counts[f"fault {spec['kind']}"] += 1
        self._look(rng, number, room, command, spec, {"stdout": out, "stderr": err}, trace)

    def _new_canaries(self, rng: random.Random) -> None:
        shapes = rng.sample(SHAPES, rng.randint(1, 3)) + ([large] if rng.random() < 0.05 else [])
        self.canaries = [shape(rng) for shape in shapes]
        self.shapes.update(canary.shape for canary in self.canaries)
        self.batch += self.canaries
        ending = {"json": ".json", "dotenv": ".env", "keytab": ".keytab"}
        self.checkout.put({f"file-{i}{ending.get(c.shape, '')}": c.content for i, c in enumerate(self.canaries)})

    def _command(self, rng: random.Random, room: Path) -> list[str]:
        files = sorted((self.checkout.folder / SERVICE).glob("*.encrypted"))
        identity = ["--identity", str(self.checkout.identity)] if rng.random() < 0.7 else []
        self.own_identity = not identity
        config = ["--services-config", str(self.checkout.folder)]
        versioned = ["--set", "secrets.mode=versioned"]
        self.tags += 1
        tag = f"HG{1 + self.tags % 28:02d}{1 + self.tags // 28 % 12:02d}{chr(97 + self.tags // 336 % 26)}"
        choices: list[tuple[int, list[str]]] = [
            (16, ["release", "local", tag, *config, *identity, "--timeout", "5s", *rng.choice([[], ["--dry-run"], ["--note", "a note"]])]),
            (3, ["release", "local", tag, "--secrets-unchanged", *versioned, "--timeout", "5s"]),
            (6, ["diff", "local", *rng.choice([[], [tag]]), *config, *identity]),
            (8, ["secrets", "apply", "local", *config, *identity, *rng.choice([[], ["--dry-run"]])]),
            (5, ["secrets", "list", "local"]),
            (12, ["secrets", "check", "local", *config, *identity]),
            (16, ["secrets", "decrypt", str(rng.choice(files)), "--out", str(room / "out" / "plain"), *identity]),
            (16, ["secrets", "encrypt", str(room / "out" / "new-file"), *rng.choice([["--recipient", self.checkout.recipient], identity])]),
            (8, ["secrets", "edit", str(rng.choice(files)), *identity]),
            (6, ["secrets", "rotate", "--to", str(self.checkout.identity), *config, *identity]),
            (3, ["rollback", "local", "--timeout", "5s"]),
            (2, ["history", "local"]),
            (1, ["status", "local"]),
            (4, [rng.choice(["render", "values", "validate"]), "inline"]),
        ]
        command = rng.choices([c for _, c in choices], [weight for weight, _ in choices])[0]
        if command[1] == "encrypt":
            (room / "out" / "new-file").write_bytes(rng.choice(self.canaries).content)
        if command[1] == "inline":
            self._inline(rng)
        return [*command, *rng.choice([["-vv"], ["-vv"], ["-v"], []]), *rng.choice([[], [], ["-o", "json"]])]

    def _inline(self, rng: random.Random) -> None:
        """An environment whose values hold a secret: what is shown of it must not."""
        import base64

        environments = self.project / "values/environments.yaml"
        document = yaml.safe_load(environments.read_text())
        document["environments"]["inline"] = document["environments"]["local"] | {"description": "inline"}
        environments.write_text(yaml.safe_dump(document))
        data = {f"f{i}": base64.b64encode(c.content).decode() for i, c in enumerate(self.canaries)}
        values = yaml.safe_load((self.project / "values/local.yaml").read_text())
        (self.project / "values/inline.yaml").write_text(yaml.safe_dump(values | {"secrets": {"mode": "inline", "data": data}}))

    def _spec(self, rng: random.Random, command: list[str]) -> dict[str, Any]:
        if rng.random() < 0.15:
            return {"seed": rng.random(), "kind": "none", "broken": self.broken}
        about = NEAR.get(command[1] if command[0] == "secrets" else command[0], "")
        points = [point for point in POINTS if re.search(about, point)]
        point = rng.choices(points, [3 if POINTS[point] in ("request", "helm", "describe") else 1 for point in points])[0]
        kind = rng.choice(KINDS[POINTS[point]])
        call = rng.choice([1, 1, 1, 2, 3]) if POINTS[point] != "request" else rng.randint(1, 25)
        return {"seed": rng.random(), "point": point, "kind": kind, "call": call, "broken": self.broken}

    def _start(self, rng: random.Random, room: Path, command: list[str], spec: dict[str, Any]) -> tuple[bytes, bytes, int, bytes]:
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        argv = ["strace", "-DDD", "-f", "-q", "--seccomp-bpf", "-v", "-s", "300000", "-o", str(trace)]
        argv += ["-e", "trace=execve,openat,creat,rename,renameat,renameat2,memfd_create"]
        argv += [sys.executable, str(HERE / "driven.py"), json.dumps(spec), "--config-dir", str(self.project), *command]
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        cache = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}
        own = {"HOME": str(room / "home"), "TMPDIR": str(room / "tmp"), "EDITOR": "sh -c 'echo more >> \"$0\"'", "PYTHONUTF8": "1"}
        identity = {"SOPS_AGE_KEY": self.identity_text} if self.own_identity else {}
        environment = kept | cache | own | identity | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            argv,
            cwd=room / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=rng.uniform(0.7, 4.0) if rng.random() < 0.08 else PATIENCE)
        except subprocess.TimeoutExpired:
            process.send_signal(rng.choice([signal.SIGINT, signal.SIGTERM]))
            try:
                out, err = process.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
        seen = _settled(trace, process.pid)
        if not re.search(rb"^%d +\+\+\+ " % process.pid, seen, re.MULTILINE):
            self.counts["runs that strace did not see to the end"] += 1
        return out, err, process.returncode, seen

    def _look(
        self, rng: random.Random, number: int, room: Path, command: list[str], spec: dict[str, Any], outputs: dict[str, bytes], trace: bytes
    ) -> None:
        detector = Detector([*self.canaries], rng)

        def note(where: str, shapes: set[str]) -> None:
            self.found += [Found(number, where, shape, command, spec) for shape in shapes]

        for name, data in outputs.items():
            note(name, detector.find(data) | ({"identity"} if self.identity_text.encode() in data else set()))
        started = [line for line in trace.splitlines() if b" execve(" in line]
        self.counts["programs watched"] += len(started)
        note("argv or environment", detector.find(b"\n".join(started)))
        others = [line for line in started if b'/sops", [' not in line and b"driven.py" not in line]
        note("environment", {"identity"} if any(self.identity_text.encode() in line for line in others) else set())
        written = self._written(trace.decode(errors="replace"), room)
        self.counts["files opened for writing"] += len(WRITES.findall(trace.decode(errors="replace")))
        for path in written:
            if not path.exists():
                note(f"a file that is gone: {path.name}", {"unknown"})
            elif path.is_file():
                note(f"file {path}", detector.find(path.read_bytes()))
        folders = [*(room / name for name in ("home", "tmp", "work")), self.checkout.folder]
        for path in [p for folder in folders for p in folder.rglob("*") if p.is_file()]:
            note(f"file {path}", detector.find(path.read_bytes()))

    def _written(self, trace: str, room: Path) -> set[Path]:
        """Files that were opened for writing by anybody; without devices, what was renamed, and where --out says."""
        renamed = {str(room / "work" / name) for name in RENAMED.findall(trace)}
        paths = {str(room / "work" / name) for name in WRITES.findall(trace)} - renamed
        allowed = ("/dev/", "/proc/", "/run/user/", str(room / "out"))
        return {Path(path) for path in paths if not path.startswith(allowed)}

    def look_in_etcd(self, etcd: dict[str, bytes]) -> None:
        """Looks for every canary of the batch in all that the cluster stores, but for the versions themselves."""
        detector = Detector(self.batch, random.Random(self.seed), pieces=1)
        for name, content in etcd.items():
            if not re.search(f"/secrets/[^/]+/{SERVICE}-secrets-", name):
                for shape in detector.find(content):
                    self.found.append(Found(-1, f"etcd {name}", shape, [], {}))
        self.counts["objects in etcd looked at"] += len(etcd)
        self.batch = list(self.canaries)


def _settled(trace: Path, pid: int) -> bytes:
    """What strace wrote, once it has seen the end of the process."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        data = trace.read_bytes() if trace.exists() else b""
        if re.search(rb"^%d +\+\+\+ " % pid, data, re.MULTILINE):
            return data
        time.sleep(0.02)
    return data


__all__ = ["Checkout", "Found", "Hunt"]
