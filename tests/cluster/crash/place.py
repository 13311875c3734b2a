"""One place where commands are hit: a cluster and a registry, each behind a proxy, a checkout, and a disk that may be full."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from cli import RELEASE, Helmtool, copy_project
from crashes import Crash, Outcome
from disk import SmallDisk
from embedded import clean
from encrypted import make_checkout
from hit import PATIENCE, Attempt
from launcher import Launcher, Running
from left_over import UNNAMED, Names, left_over, names
from machine import Machine
from proxy import Proxy
from registry.images import PATH, RealRegistry
from today import as_list, today

from helmtool.adapters import toolbox
from helmtool.adapters.local import kwok
from helmtool.adapters.local.objects import NAMESPACE

ENV, IMAGES_ENV = "prod", "preprod"
"""The environment that is released to, and the one whose registry has the tags that become stable."""
LOCK_SECONDS = 5
SETTLED = 60.0
"""Seconds for the controllers, on a busy machine too."""
TRIES = 6
GONE = "not renewed for"
"""What `release` and `unlock` say of a lock whose holder is gone."""


class Site:
    """Releases that follow each other, each hit somewhere; what a run leaves serving, the next one starts from."""

    def __init__(self, launcher: Launcher, machine: Machine, registry: RealRegistry, disk: SmallDisk, folder: Path) -> None:
        self.launcher, self.machine, self.registry, self.disk = launcher, machine, registry, disk
        self.cluster_proxy = Proxy(machine.connect)
        self.registry_proxy = Proxy(lambda: http.client.HTTPConnection(registry.host, timeout=60))
        self.project = copy_project(folder / "project", str(machine.kubeconfig_through(self.cluster_proxy.host, folder / "kubeconfig")))
        self.checkout = make_checkout(folder / "secrets")
        self.checkout.put({"password": b"hunter2-Correct-Horse"})
        self.output = folder
        self._tags = 0
        self._news: list[str] = []
        self._configure()
        self._environment = Helmtool(variables=_on_disk(disk.folder) | {"HELMTOOL_CRASH_SITE": str(folder)}).environment
        self.mark = f"HELMTOOL_CRASH_SITE={folder}".encode()
        self._names: Names = set()

    def renew(self) -> None:
        """Begins anew, with two releases to a namespace that holds nothing."""
        self.machine.mend()
        clean(self.machine.state)
        for _ in range(2):
            assert self.run(*self._release(self.next_tag(), "2m")).get("deployed")
        self._names = names(self.machine)

    def close(self) -> None:
        self.cluster_proxy.close()
        self.registry_proxy.close()

    def _configure(self) -> None:
        file = self.project / "values/environments.yaml"
        document = yaml.safe_load(file.read_text())
        document["environments"][ENV] |= {"protected": False, "stableTag": "off", "lockSeconds": LOCK_SECONDS}
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        (self.project / f"values/{IMAGES_ENV}.yaml").write_text(f"image: {{repository: '{self.registry_proxy.host}/{PATH}'}}\n")

    def next_tag(self) -> str:
        self._tags += 1
        return f"HG{1 + self._tags // 26 % 28:02d}{1 + self._tags // 728 % 12:02d}{chr(ord('a') + self._tags % 26)}"

    def start(self, *arguments: str, outputs: tuple[Path, Path] | None = None) -> Running:
        """Starts a command whose stdout and stderr are in these folders, or where there is space."""
        return self.launcher.start([*arguments, "-o", "json"], self.project, self._environment, outputs or (self.output, self.output))

    def run(self, *arguments: str) -> dict[str, Any]:
        """What a command that nothing hits answers."""
        running = self.start(*arguments)
        code = running.wait(PATIENCE)
        if code is None:
            raise AssertionError(f"{arguments} hangs")
        out, err = running.printed()
        self._news.append(err)
        try:
            answer: dict[str, Any] = json.loads(out)
        except ValueError:
            raise AssertionError(f"{arguments} ended with {code} and said: {out[-500:]} {err[-500:]}") from None
        return answer

    def proxy(self, command: str) -> Proxy:
        """Where the writes of a command come by."""
        return self.registry_proxy if command == "tag-stable" else self.cluster_proxy

    def restart(self, command: str) -> None:
        """Kills the server that the command talks to, and starts it again."""
        if command != "tag-stable":
            self.machine.restart()
            return
        self.registry.kill()
        self.registry.start()

    def prepare(self, command: str) -> tuple[list[str], list[str]]:
        """Brings about what the command starts from; gives its command line, and that of the same for another tag."""
        tag, other = self.next_tag(), self.next_tag()
        if command == "release-that-fails":
            never = ("--set", "nodeSelector.nowhere=here", "--timeout", "3s")
            return [*self._release(tag), *never], self._release(other)
        if command == "rollback":
            self._require_way_back()
            return ["rollback", ENV, "--timeout", "20s", "--yes"], self._release(other)
        if command == "adopt":
            self.unrelease()
            return ["adopt", ENV, "--yes"], ["adopt", ENV, "--yes"]
        if command == "tag-stable":
            self.registry.push(tag)
            return (both := ["tag", "stable", tag, "--env", IMAGES_ENV, "--yes"]), both
        if command in ("secrets-apply", "release-new-secret"):
            self.checkout.put({"password": os.urandom(12).hex().encode()})
        if command == "secrets-apply":
            return ["secrets", "apply", ENV, *self.checkout.options, "--yes"], self._release(other)
        return self._release(tag), self._release(other)

    def _release(self, tag: str, timeout: str = "20s") -> list[str]:
        return ["release", ENV, tag, *self.checkout.options, "--timeout", timeout, "--yes"]

    def _require_way_back(self) -> None:
        if not self._way_back():
            self.run(*self._release(self.next_tag()))

    def _way_back(self) -> str:
        """The tag of the newest revision that was really deployed before the last one; nothing where none was."""
        revisions, outcomes = self.machine.revisions, self.machine.outcomes
        served = [n for n, entry in revisions.items() if entry["info"]["status"] == "superseded" and outcomes.get(n) == "deployed"]
        return str(revisions[served[-1]]["config"]["image"]["tag"]) if served else ""

    def unrelease(self) -> None:
        """The service as kubectl makes it, without Helm."""
        for secret in self.machine.list("Secret", "owner=helm"):
            self.machine.delete("Secret", secret["metadata"]["name"])
        self.machine.delete("ConfigMap", f"{RELEASE}-releases")
        objects = today("test4", f":{self.next_tag()}")
        for item in objects:
            self.machine.delete(item["kind"], item["metadata"]["name"])
        assert self.within(SETTLED, lambda: not self.machine.list("Pod", f"app={RELEASE}")), "pods of a deleted Deployment stay"
        content = json.dumps(as_list(objects)).encode()
        done = kwok.kubectl(self.machine.state, "apply", "-n", NAMESPACE, "-f", "-", input=content)
        assert done.returncode == 0, done.stderr.decode()
        assert self.within(SETTLED, lambda: len(self.machine.serving) == 1), "what kubectl has made does not serve"

    @staticmethod
    def within(seconds: float, condition: Callable[[], bool]) -> bool:
        """Whether the condition came true in time."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def writes_of(self, command: str) -> int:
        """How many writes a command has that nothing hits."""
        arguments, _ = self.prepare(command)
        proxy = self.proxy(command)
        proxy.watch()
        self.run(*arguments)
        number = len(proxy.writes)
        assert number, f"{command} writes nothing"
        outcome = Outcome(Crash(command, 0, "", ""))
        self.go_on(outcome, arguments)
        assert not outcome.problems, outcome
        return number

    def crash(self, crash: Crash) -> Outcome:
        """From a release that serves to one that serves again."""
        outcome = Outcome(crash)
        arguments, others = self.prepare(crash.command)
        before, back = self.machine.tag, self._way_back()
        pods = self.machine.serving
        Attempt(self, crash, arguments, others).run(outcome)
        new = {"rollback": back, "release": arguments[2]}.get(arguments[0], before)
        won = {new} if outcome.code == 0 else set()
        won |= {others[2]} if outcome.beside == 0 and others[0] == "release" else set()
        allowed = won or {before, new}  # who says that it is done has to be right
        self.machine.mend()
        self.judge(outcome, arguments, allowed, pods)
        self.go_on(outcome, arguments)
        return outcome

    def judge(self, outcome: Outcome, arguments: list[str], allowed: set[str], pods: dict[str, str]) -> None:
        """Right after the crash: the old version serves, or the new one; of a twin there is nothing, or all."""
        command = outcome.crash.command
        if command == "tag-stable":
            tag = arguments[2]
            if self.registry.has(f"{tag}-stable") and self.registry.read(f"{tag}-stable") != self.registry.read(tag):
                outcome.problems.append("the twin is another image")
        elif command == "adopt":
            if not self.within(SETTLED, lambda: self.machine.serving == pods):
                outcome.problems.append(f"adopt has restarted the pod: {pods} became {self.machine.serving}")
        elif not self.within(SETTLED, lambda: self._serves(allowed, command)):
            outcome.problems.append(f"serves {self.machine.serving}, asked for is {self.machine.tag}, expected one of {sorted(allowed)}")

    def _serves(self, allowed: set[str], command: str) -> bool:
        """A release that cannot start, whose client is gone, has nobody who goes back: it is asked for, and does not serve."""
        serving = list(self.machine.serving.values())
        asked = self.machine.tag
        return asked in allowed and (serving == [asked] or (command == "release-that-fails" and not serving))

    def go_on(self, outcome: Outcome, arguments: list[str]) -> None:
        """What a person does who knows only what the commands say, until a release serves and nothing is left."""
        if outcome.crash.command == "tag-stable":
            self._finish_twin(outcome, arguments)
            return
        tag, held = self.next_tag(), self.machine.get("Lease", f"{RELEASE}-lock")
        self._news = []
        for _ in range(TRIES):
            answer = self.run(*self._release(tag, "2m"))
            if "error" not in answer:
                outcome.way_on.append("release")
                break
            if not self._follow(outcome, answer["error"]):
                return
        else:
            outcome.problems.append(f"{TRIES} tries were not enough")
        if held and not any(GONE in news for news in self._news):
            outcome.problems.append(f"nothing was said of the lock that was left: {self._news}")
        if not self.within(SETTLED, lambda: list(self.machine.serving.values()) == [tag]):
            outcome.problems.append(f"the next release does not serve: {self.machine.serving}")
        if not self.within(SETTLED, lambda: not left_over(self.machine, self._names)):
            outcome.problems += self._left_over_at_last(outcome)

    def _left_over_at_last(self, outcome: Outcome) -> list[str]:
        """A version of the secret may lose its last ReplicaSet just after a release has looked; the release after that removes it.

        The controller deletes what `revisionHistoryLimit` no longer holds when it sees the Deployment complete, as Helm does.
        """
        left = left_over(self.machine, self._names)
        if all(problem.endswith(UNNAMED) for problem in left):
            outcome.way_on.append("release, for a version whose last ReplicaSet went late")
            self.run(*self._release(self.next_tag(), "2m"))
            self.within(SETTLED, lambda: not left_over(self.machine, self._names))
            left = left_over(self.machine, self._names)
        return left

    def _finish_twin(self, outcome: Outcome, arguments: list[str]) -> None:
        answer = self.run(*arguments)
        outcome.way_on.append("tag stable")
        if "error" in answer:
            outcome.problems.append(str(answer["error"]))
        elif self.registry.read(f"{arguments[2]}-stable") != self.registry.read(arguments[2]):
            outcome.problems.append("the twin is not the same, byte for byte")

    def _follow(self, outcome: Outcome, error: dict[str, Any]) -> bool:
        """Does what the hint of a release says, if a person can do it without a look at the cluster."""
        outcome.way_on.append(f"release: {error['code']}")
        for command in ("unlock", "adopt"):
            if str(error["hint"]).startswith(f"helmtool {command} {ENV}"):
                answer = self.run(command, ENV, "--yes")
                outcome.way_on.append(f"{command}: {answer['error']['code']}" if "error" in answer else command)
                return True
        if error["code"] in ("locked", "lock-lost"):  # on a busy machine a lock may be lost: the release is made once more
            time.sleep(LOCK_SECONDS)
            return True
        outcome.problems.append(f"{error['code']}: {error['message'][:500]} → {error['hint']}")
        return False


def _on_disk(folder: Path) -> dict[str, str]:
    """The variables of a helmtool that has its home, caches and temporary files there; the programs are where they were."""
    tools = toolbox.tools_folder()
    (folder / "cache/helmtool").mkdir(parents=True)
    (folder / "cache/helmtool/tools").symlink_to(tools)
    (folder / "tmp").mkdir()
    places = {
        "HOME": "",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "TMPDIR": "tmp",
    }
    return {variable: str(folder / place) for variable, place in places.items()}


@contextmanager
def site(launcher: Launcher, folder: Path) -> Iterator[Site]:
    """A site in a folder of its own; nothing of it runs after the block."""
    for name in ("state", "registry"):
        (folder / name).mkdir(parents=True)
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder / "disk"))
        registry = RealRegistry(folder / "registry").start()
        stack.callback(registry.stop)
        machine = stack.enter_context(Machine(folder / "state"))
        made = Site(launcher, machine, registry, disk, folder)
        stack.callback(made.close)
        yield made
