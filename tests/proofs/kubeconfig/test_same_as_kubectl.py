"""helmtool connects as kubectl does, for generated combinations of kubeconfig and environment, or refuses what kubectl refuses."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from combinations import combinations, made
from keys import Keys, made_keys
from programs import Kind, Outcome, clean, of_helmtool, of_reference
from recorder import Recorder
from worker import Worker

SAMPLE = 600
RUNS = int(os.environ.get("HELMTOOL_KUBECONFIG_RUNS", str(SAMPLE)))
SEED = os.environ.get("HELMTOOL_KUBECONFIG_SEED", "1")
ONLY = os.environ.get("HELMTOOL_KUBECONFIG_ONLY", "")
"""The id of one combination."""
WORKERS = 4
PROGRESS = 5.0
"""Seconds between two lines of progress."""

NO_SCHEME = "client-go speaks plain HTTP, without credentials, to an address without a scheme"
NO_SERVER = "client-go connects to localhost:8080 if the cluster names no server"
NO_USER = "kubectl asks for a name or connects as nobody if the context names a user that does not exist"
STRICTER = {
    "clusters=no-scheme": NO_SCHEME,
    "clusters=no-scheme-localhost": NO_SCHEME,
    "clusters=no-scheme-name": NO_SCHEME,
    "clusters=port-too-large": "client-go connects to a SOCKS proxy before it looks at the port",
    "clusters=server-empty": NO_SERVER,
    "clusters=server-null": NO_SERVER,
    "files=context-unknown-user": NO_USER,
    "files=name-missing": NO_USER,
    "files=users-null": NO_USER,
    "files=yaml-own-tag": "Go's reader ignores tags that it does not know",
    "paths=ca-file-empty": "client-go trusts the CAs of the system instead of an empty file",
}
"""Values that helmtool may refuse before a connection, with what client-go does."""
DIFFERENT = {
    r"files=home\b": "helmtool expands ~ in KUBECONFIG, which a shell does only at the beginning",
    r"proxies=url-account-name-alone .*requests=exec": "kubectl sends the name without a password only outside of WebSockets",
    r"proxies=(url-https|HTTPS_PROXY-tls).* clusters=tls-server-name": "Go expects that name of an HTTPS proxy too",
}
"""Ids (regular expressions) of which helmtool may do otherwise, with the reason."""


class Lane(NamedTuple):
    """What one combination at a time needs."""

    recorder: Recorder
    worker: Worker
    folder: Path


class Compared(NamedTuple):
    """One combination: what kubectl did, and how helmtool differs (empty if it does not)."""

    identity: str
    kubectl: Outcome
    wrong: str


def test_same_as_kubectl(tmp_path: Path) -> None:
    chosen = [ONLY] if ONLY else combinations(RUNS, SEED)
    begun = time.monotonic()
    results = _compare_all(chosen, tmp_path)
    kinds = Counter(result.kubectl.kind for result in results)
    wrong = [result for result in results if result.wrong]
    counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    print(f"{len(results)} combinations in {time.monotonic() - begun:.0f} s, {len(wrong)} differ; kubectl: {counts}", flush=True)
    if ONLY:
        print(f"{ONLY}\nkubectl: {results[0].kubectl}")
    assert not wrong, "\n\n".join(f"{again(result.identity)}\n{result.wrong}" for result in wrong)
    assert ONLY or min(kinds[kind] for kind in Kind) > len(results) / 200, kinds


def again(identity: str) -> str:
    """The command that runs one combination again."""
    return f"HELMTOOL_KUBECONFIG_ONLY={shlex.quote(identity)} make test-kubeconfig"


def _compare_all(chosen: list[str], folder: Path) -> list[Compared]:
    keys = made_keys(folder)
    lanes: Queue[Lane] = Queue()
    for number in range(WORKERS):
        recorder = Recorder(keys.server_file, keys.ca_file, keys.names)
        lanes.put(Lane(recorder, Worker(), folder / str(number)))

    def compare(identity: str) -> Compared:
        lane = lanes.get()
        try:
            return _compare(identity, lane, keys)
        finally:
            lanes.put(lane)

    results, said = [], time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(compare, chosen):
            results.append(result)
            if time.monotonic() - said > PROGRESS:
                print(f"combinations: {len(results)}/{len(chosen)}", flush=True)
                said = time.monotonic()
    for lane in [lanes.get() for _ in range(WORKERS)]:
        with lane.recorder, lane.worker:
            pass
    return results


def _compare(identity: str, lane: Lane, keys: Keys) -> Compared:
    lane.folder.mkdir()
    draft = made(identity, lane.folder, lane.recorder.ports, keys)
    try:
        kubectl = of_reference(draft, lane.recorder)
        helmtool = of_helmtool(draft, lane.recorder, lane.worker)
    except Exception as error:
        error.add_note(again(identity))
        raise
    finally:
        clean(draft)
    return Compared(identity, kubectl, "\n".join(_wrong(identity, kubectl, helmtool, draft.secrets)))


def _wrong(identity: str, kubectl: Outcome, helmtool: Outcome, secrets: set[str]) -> Iterator[str]:
    stricter = helmtool.kind == Kind.REFUSED and STRICTER.keys() & set(identity.split())
    if helmtool != kubectl and not stricter and not any(re.search(different, identity) for different in DIFFERENT):
        yield f"kubectl: {kubectl}\nhelmtool: {helmtool}"
    if helmtool.words.startswith(("traceback", "died")):
        yield f"helmtool has no error of its own: {helmtool.words}"
    for secret in filter(None, map(str.strip, sorted(secrets))):
        if secret in helmtool.words:
            yield f"a secret is in the message: {helmtool.words}"
