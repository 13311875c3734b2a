"""tag list of 500 tags: how many requests, and how long; `pytest -s` prints the figures of docs/reference/benchmarks.md."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable
from typing import Any

from harbors import HarborApi
from images import IMAGE, PATH, RealRegistry, digest
from meddler import Asked, Meddler, Reply

from helmtool.adapters.registry import Registry
from helmtool.model.registry import Manifest, parse_repository

Meddle = Callable[..., Meddler]
Tool = Callable[..., Any]
TAGS = [f"HG{day:02d}{month:02d}{letter}" for month in (1, 3) for day in range(1, 26) for letter in "abcdefghij"]


def push_all(registry: RealRegistry) -> dict[str, str]:
    """500 images that differ, through the program's own client; gives their digests."""
    config = registry.blob(b'{"created": "2026-05-01T10:00:00Z", "os": "linux", "architecture": "amd64"}')
    client = Registry(parse_repository(f"{registry.host}/{PATH}"), find=lambda repository: None)

    def push(tag: str) -> tuple[str, str]:
        document = {"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [], "annotations": {"tag": tag}}
        content = json.dumps(document).encode()
        client.put(tag, Manifest(content, IMAGE, digest(content)))
        return tag, digest(content)

    return dict(client.in_parallel(push, TAGS))


def timed(name: str, tool: Tool, meddler: Meddler) -> tuple[Any, collections.Counter[str]]:
    meddler.asked.clear()
    begun = time.monotonic()
    document = tool(meddler.host, "list", "-o", "json").document
    seconds = time.monotonic() - begun
    kinds = collections.Counter(f"{a.method} {'api' if '/api/' in a.path else a.path.split('?')[0].split('/')[4]}" for a in meddler.asked)
    print(f"\n{name}: {len(meddler.asked)} requests, {seconds:.2f} s: {dict(kinds)}")
    return document, kinds


def test_five_hundred_tags(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    digests = push_all(registry)
    plain = meddle(registry.host)
    cold, cold_requests = timed("OCI, cold", tool, plain)
    warm, warm_requests = timed("OCI, digests known", tool, plain)
    assert {state["tag"]: state["digest"] for state in cold} == digests
    assert cold == warm
    # Five hundred images share one configuration here, but no client can know that before it has read their manifests.
    assert cold_requests == {"GET api": 1, "GET tags": 1, "HEAD manifests": 500, "GET manifests": 500, "GET blobs": 500}
    assert warm_requests == {"GET api": 1, "GET tags": 1, "HEAD manifests": 500}

    api = HarborApi()
    for tag, named in digests.items():
        api.add(named, [tag])
    through_harbor, harbor_requests = timed("Harbor", tool, meddle(registry.host, before=api))
    assert {state["tag"]: state["digest"] for state in through_harbor} == digests
    assert harbor_requests == {"GET api": 5}


def test_an_image_that_goes_meanwhile_hides_no_other(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    names = [registry.push(tag) for tag in ("HG0105a", "HG0105b", "HG0105c")]

    def after(asked: Asked, reply: Reply) -> Reply:
        return Reply(404) if asked.method == "GET" and names[1] in asked.path else reply  # dropped since its tag was looked at

    ran = tool(meddle(registry.host, after=after).host, "list", "-o", "json")
    assert sorted(state["tag"] for state in ran.document) == ["HG0105a", "HG0105c"]
    assert ran.err.count("left out") == 1
