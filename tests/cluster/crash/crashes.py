"""One crash: a command that is hit at one of its writes, and what the next command makes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import Helmtool, Kube, Result
from encrypted import Checkout
from proxy import Proxy

PATIENCE = 90.0
LOCK_SECONDS = 5
"""Shorter ones are lost on a busy machine."""
ENV = "prod"
HITS = ("kill", "kill-all", "kill-helm", "terminate", "interrupt", "interrupt-twice", "cut", "drop", "refuse")
"""`kill` is helmtool alone, `kill-all` its helm too (a lost machine); `cut` is the network, for longer than the lock lasts."""
MOMENTS = ("before", "after")


@dataclass(frozen=True)
class Crash:
    """What is hit, at which write, when, and how."""

    command: str
    write: int
    moment: str
    hit: str

    def __str__(self) -> str:
        return f"{self.command}-{self.write}-{self.moment}-{self.hit}"


@dataclass
class Outcome:
    """What was seen of one crash; `problems` is empty where all held."""

    crash: Crash
    at: str
    code: int
    said: str
    serving: str
    way_on: str
    problems: list[str]


class Site:
    """A cluster behind a proxy, and a checkout whose environment leads through it."""

    def __init__(self, project: Path, kube: Kube, proxy: Proxy, kubeconfig: Path, checkout: Checkout) -> None:
        self.kube, self.proxy, self.checkout = kube, proxy, checkout
        self.helmtool = Helmtool(project, {"KUBECONFIG": str(kubeconfig)})
        self._tags = 0

    def next_tag(self) -> str:
        self._tags += 1
        return f"HG{1 + self._tags // 26 % 28:02d}{1 + self._tags // 728 % 12:02d}{chr(ord('a') + self._tags % 26)}"

    def release(self, tag: str) -> Result:
        return self.helmtool("release", ENV, tag, *self.checkout.options, "-o", "json", "--timeout", "20s", code=None)

    def arguments(self, command: str, tag: str) -> list[str]:
        """The command line that is hit."""
        if command == "release":
            return ["release", ENV, tag, *self.checkout.options, "--timeout", "20s", "-o", "json"]
        if command == "release-new-secret":
            self.checkout.put({"password": os.urandom(12).hex().encode()})
            return ["release", ENV, tag, *self.checkout.options, "--timeout", "20s", "-o", "json"]
        if command == "release-that-fails":
            failing = ("--set", "nodeSelector.nowhere=here", "--timeout", "3s")
            return ["release", ENV, tag, *self.checkout.options, *failing, "-o", "json"]
        if command == "secrets-apply":
            self.checkout.put({"password": os.urandom(12).hex().encode()})
            return ["secrets", "apply", ENV, *self.checkout.options, "-o", "json"]
        return ["rollback", ENV, "--timeout", "20s", "-o", "json"]

    def image(self) -> str:
        return self.kube.image.partition(":")[2]

    def run(self, crash: Crash) -> Outcome:
        """From a release that serves to one that serves again."""
        old = self.image()
        tag = self.next_tag()
        arguments = self.arguments(crash.command, tag)
        allowed = {old, tag} if crash.command != "rollback" else {old, self._before(old)}
        code, said = _hit(self, arguments, crash)
        at = self.proxy.writes[crash.write - 1] if len(self.proxy.writes) >= crash.write else "nothing: the command had ended"
        self.proxy.watch()
        while self.proxy.is_cut:
            time.sleep(0.1)
        problems = []
        # A release that cannot start, whose client is gone, has nobody who goes back: it is asked for, and does not serve.
        serving = self.image() if crash.command == "release-that-fails" else self._settled()
        if serving not in allowed:
            problems.append(f"serves {serving or 'nothing'}, expected one of {sorted(allowed)}")
        way_on = self._go_on(problems)
        problems += self._left_over()
        return Outcome(crash, at, code, said, serving, way_on, problems)

    def _before(self, old: str) -> str:
        lines = self.helmtool("history", ENV, "-o", "json").json
        return next((line["tag"] for line in lines[1:] if line["tag"] != old and line["status"] in ("superseded", "deployed")), old)

    def _settled(self) -> str:
        """The tag that is ready, once the controllers are done; nothing where none comes."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            serving = self.kube.serving
            if len(serving) == 1:
                return serving[0].partition(":")[2]
            time.sleep(0.2)
        return ""

    def _go_on(self, problems: list[str]) -> str:
        """What a person does who knows only what the commands say: release, and where it is refused, what its hint says."""
        tag, words = self.next_tag(), []
        for _ in range(4):
            result = self.release(tag)
            if result.code == 0:
                words.append("release")
                break
            error = result.json["error"]
            words.append(f"release: {error['code']}")
            if error["hint"] == f"helmtool unlock {ENV}":
                unlocked = self.helmtool("unlock", ENV, "--yes", "-o", "json", code=None)
                words.append("unlock" if unlocked.code == 0 else f"unlock: {unlocked.json['error']['code']}")
            elif error["code"] == "locked":
                time.sleep(LOCK_SECONDS)
            else:
                problems.append(f"{error['code']}: {error['message'][:300]}")
                break
        else:
            problems.append("four tries were not enough")
        if self.image() != tag:
            problems.append(f"the next release does not serve: {self.image()}")
        return ", ".join(words)

    def _left_over(self) -> list[str]:
        """What must not stay after the next release has served."""
        found = []
        if self.kube.get("lease", "newdqmgui-lock"):
            found.append("a lock is left")
        revisions = self.kube.revisions
        if not revisions or revisions[max(revisions)] != "deployed":
            found.append(f"the last revision is {revisions}")
        if sum(status == "deployed" for status in revisions.values()) != 1:
            found.append(f"not one deployed revision: {revisions}")
        if pods := json.loads(self.kube("get", "pods", "-l", "app.kubernetes.io/component=prepull", "-o", "json"))["items"]:
            found.append(f"{len(pods)} prepull pods are left")
        unused = [v["name"] for v in self.helmtool("secrets", "list", ENV, "-o", "json").json if not v["users"]]
        if unused:
            found.append(f"versions that nothing names: {len(unused)}")
        return found


def _hit(site: Site, arguments: list[str], crash: Crash) -> tuple[int, str]:
    """Runs the command and hits it; gives its exit code and what it said last."""
    started = threading.Event()
    process: list[subprocess.Popen[bytes]] = []

    def strike(number: int) -> str:
        if number != crash.write:
            return ""
        started.wait(10)
        return _strike(site.proxy, process[0], crash.hit)

    site.proxy.watch(**{crash.moment: strike})
    argv = [sys.executable, "-m", "helmtool", *arguments]
    environment = site.helmtool.environment
    process.append(
        subprocess.Popen(
            argv,
            cwd=site.helmtool.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    )
    started.set()
    try:
        _, err = process[0].communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        _kill_group(process[0])
        _, err = process[0].communicate()
        return -99, f"HANGS: {err.decode()[-300:]}"
    _wait_for_helm(process[0].pid)
    text = err.decode()
    return process[0].returncode, "TRACEBACK" if "Traceback" in text else text.strip().splitlines()[-1][:200] if text.strip() else ""


def _strike(proxy: Proxy, process: subprocess.Popen[bytes], hit: str) -> str:
    """Does it; gives what the proxy does with the request."""
    actions: dict[str, Callable[[], object]] = {
        "kill": process.kill,
        "kill-all": lambda: _kill_group(process),
        "kill-helm": lambda: _kill_helm(process.pid),
        "terminate": process.terminate,
        "interrupt": lambda: process.send_signal(signal.SIGINT),
        "interrupt-twice": lambda: _twice(process),
        "cut": lambda: _cut(proxy),
    }
    if hit in actions:
        actions[hit]()
        return "drop" if hit in ("cut", "kill-all") else ""
    return hit


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The whole session, so that helm goes too, whatever group it is in."""
    for pid in _session(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _kill_helm(session: int) -> None:
    for pid in _session(session):
        if pid != session:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _twice(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    threading.Timer(0.5, lambda: process.poll() is None and process.send_signal(signal.SIGINT)).start()


def _cut(proxy: Proxy) -> None:
    proxy.is_cut = True

    def mend() -> None:
        proxy.is_cut = False

    threading.Timer(LOCK_SECONDS * 1.5, mend).start()


def _session(session: int) -> list[int]:
    """The processes of a session that was begun for one command, its leader last (proc(5), field 6 of stat)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                    found.append(int(entry.name))
    return sorted(found, key=lambda pid: pid == session)


def _wait_for_helm(session: int) -> None:
    """What outlives its helmtool may still write."""
    until = time.monotonic() + 60
    while _session(session) and time.monotonic() < until:
        time.sleep(0.1)


def table(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """The outcomes as the result file keeps them: how often each way on was needed, by command and hit."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for outcome in outcomes:
        row = counts.setdefault((outcome.crash.command, outcome.crash.hit), {})
        row[outcome.way_on] = row.get(outcome.way_on, 0) + 1
    return [{"command": command, "hit": hit, "ways on": row} for (command, hit), row in sorted(counts.items())]
