"""How long a client gets no answer during a release, with the image fetched before the old pod stops and without."""

from __future__ import annotations

import functools
import itertools
import os
import subprocess
from collections.abc import Callable

import pytest
from cli import Helmtool
from images import RealRegistry
from node import ADMIN, CLIENT, NAMESPACE, RELEASE, Node, gateway, wait_for
from pushing import add_layer
from throttle import throttled

MEGABYTES, RATE = 300, 20
"""What no node has of an image, which no compression makes smaller, and how much the registry gives in a second."""
RELEASES = (("without prepull", "HG2005a", ("--no-prepull",)), ("with prepull", "HG2105a", ()))
ASK = f"""
import select, sys, time, urllib.request
while not select.select([sys.stdin], [], [], 0)[0]:
    begun = time.time()
    try:
        urllib.request.urlopen("http://{RELEASE}:8889/", timeout=1).read()
        print(begun, flush=True)
    except OSError:
        pass
    time.sleep(max(0, begun + 0.1 - time.time()))
print(time.time())
"""
"""Prints when it was answered, until its input ends, and then the time."""


def longest_silence(node: Node, during: Callable[[], object]) -> float:
    """Seconds between two answers to a client that asks ten times a second, at most, while something goes on."""
    argv = ["docker", "exec", "-i", node.container, "kubectl", "--kubeconfig", ADMIN, "-n", NAMESPACE]
    argv += ["exec", "-i", CLIENT, "--", "python3", "-c", ASK]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as client:
        assert client.stdout
        first = client.stdout.readline()
        try:
            during()
        finally:
            out, _ = client.communicate(timeout=60)
    answered = [float(line) for line in (first + out).splitlines()]
    return max(later - earlier for earlier, later in itertools.pairwise(answered))


@pytest.mark.usefixtures("client")
def test_an_image_that_is_fetched_before_costs_less_downtime(serving: Helmtool, node: Node, registry: RealRegistry) -> None:
    wait_for("a client is answered", lambda: node.ask(f"http://{RELEASE}:8889/"))
    silences = {}
    with throttled(gateway(), registry.port, RATE * 1e6) as port:
        node.pull_from(registry.host, port)
        for words, tag, options in RELEASES:
            add_layer(registry, tag, "opt/ballast", os.urandom(MEGABYTES * 1_000_000))
            release = ("release", "kind", tag, *options, "--no-verify", "--timeout", "4m")
            silences[words] = longest_silence(node, functools.partial(serving, *release))
    print("\n" + "\n".join(f"downtime {words}: {seconds:.1f} s" for words, seconds in silences.items()))
    # Without it the whole transfer is part of the downtime.
    assert silences["without prepull"] > MEGABYTES / RATE
    assert silences["with prepull"] < silences["without prepull"]
