"""tag list and tag check where the registry is a Harbor, and where something only looks like one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harbors import ACCOUNT, BASIC, SECRET, HarborApi, listing, refusal
from images import INDEX, RealRegistry
from meddler import Asked, Meddler, Reply

from helmtool.adapters.registry.harbor import Harbor
from helmtool.model.registry import parse_repository

Meddle = Callable[..., Meddler]
Tool = Callable[..., Any]


def fake(number: int) -> str:
    return f"sha256:{number:064x}"


def login(folder: Path, host: str) -> dict[str, str]:
    file = folder / "auth.json"
    file.write_text(json.dumps({"auths": {host: {"username": ACCOUNT, "password": SECRET}}}))
    return {"REGISTRY_AUTH_FILE": str(file)}


def test_a_public_repository_is_listed_without_asking_for_any_manifest(tool: Tool, meddle: Meddle) -> None:
    pulled = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.123Z")
    api = HarborApi()
    api.add(fake(1), ["HG0105a", "HG0105a-stable"], pull=pulled)
    api.add(fake(2), ["HG0205a", "latest"], created="2026-05-02T10:00:00.5Z", push="2026-05-02T11:00:00.000Z")
    meddler = meddle(before=api)
    listed = {state["tag"]: state for state in tool(meddler.host, "list", "-o", "json").document}
    assert list(listed) == ["HG0205a", "HG0105a-stable", "HG0105a"]
    assert len(meddler.asked) == 1
    drops = (datetime.now(UTC) + timedelta(days=27)).date().isoformat()
    assert (listed["HG0105a"]["dropsOn"], listed["HG0105a"]["pulled"]) == (drops, pulled[:19] + "Z")
    assert (listed["HG0105a"]["keptAsStable"], listed["HG0105a"]["platforms"], listed["HG0105a"]["size"]) == ("yes", ["linux/amd64"], 1234)
    assert (listed["HG0205a"]["dropsOn"], listed["HG0205a"]["pulled"]) == ("2026-06-01", None)
    assert "1 other tags" in tool(meddler.host, "list").err


def test_a_pull_under_another_tag_counts_for_the_image(tool: Tool, meddle: Meddle) -> None:
    api = HarborApi()
    api.add(fake(1), ["HG0105a", "HG0105b"], pull="2026-05-01T12:00:00Z")
    api.artifacts[fake(1)]["tags"][1]["pull_time"] = "2026-05-11T12:00:00Z"
    listed = tool(meddle(before=api).host, "list", "-o", "json").document
    assert {state["dropsOn"] for state in listed} == {"2026-06-10"}


def test_an_immutable_tag_keeps_its_image(tool: Tool, meddle: Meddle) -> None:
    api = HarborApi()
    api.add(fake(1), ["HG0105a", "HG0105a-stable"], pull="2026-05-01T12:00:00Z")
    api.artifacts[fake(1)]["tags"][1]["immutable"] = True
    listed = {state["tag"]: state for state in tool(meddle(before=api).host, "list", "-o", "json").document}
    assert (listed["HG0105a"]["immutable"], listed["HG0105a"]["dropsOn"]) == (True, None)


def test_check_reads_no_manifest_for_that_would_count_as_a_pull(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    digest = registry.push("HG0105a")
    api = HarborApi()
    api.add(digest, ["HG0105a"], pull="2026-05-20T10:00:00Z")
    meddler = meddle(registry.host, before=api)
    script, text = tool(meddler.host, "check", "HG0105a", "-o", "json").document, tool(meddler.host, "check", "HG0105a").out
    assert (script["digest"], script["pulled"], script["dropsOn"]) == (digest, "2026-05-20T10:00:00Z", "2026-06-19")
    assert "2026-05-20 10:00 UTC" in text
    assert "dropped 30 days after the last pull: any day now" in text
    assert not [path for path in meddler.paths("GET") if "/manifests/" in path]


def test_an_index_gets_the_date_and_size_of_its_image(tool: Tool, meddle: Meddle) -> None:
    api = HarborApi()
    parts = [
        {"child_digest": fake(11), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"child_digest": fake(12), "platform": {"os": "linux", "architecture": "amd64"}},
        {"child_digest": fake(13), "platform": {"os": "unknown", "architecture": "unknown"}},
    ]
    api.add(fake(1), ["HG0105a"], references=parts, extra_attrs=None, size=9, manifest_media_type=INDEX)
    api.children[fake(12)] = {"digest": fake(12), "size": 777, "extra_attrs": {"created": "2026-04-30T10:00:00Z"}, "tags": None}
    meddler = meddle(before=api)
    for requests in (2, 3):  # the second list asks for the page alone
        (state,) = tool(meddler.host, "list", "-o", "json").document
        assert (state["created"], state["size"], state["platforms"]) == ("2026-04-30T10:00:00Z", 777, ["linux/arm64/v8", "linux/amd64"])
        assert len(meddler.asked) == requests


def test_a_nested_repository_is_encoded_twice(meddle: Meddle) -> None:
    api = HarborApi(path="cmsweb/dqm/gui/new")
    api.add(fake(1), ["HG0105a"])
    meddler = meddle(before=api)
    from helmtool.adapters.registry import Registry

    artifacts = Registry(parse_repository(f"{meddler.host}/cmsweb/dqm/gui/new"), find=lambda repository: None).artifacts()
    assert artifacts is not None
    assert [artifact.tags for artifact in artifacts] == [("HG0105a",)]
    assert "/projects/cmsweb/repositories/dqm%252Fgui%252Fnew/artifacts?" in meddler.asked[0].path


def test_a_private_project_gets_the_credentials_after_harbor_has_shown_itself(tool: Tool, meddle: Meddle, tmp_path: Path) -> None:
    api = HarborApi(private=True)
    api.add(fake(1), ["HG0105a"])
    meddler = meddle(before=api)
    ran = tool(meddler.host, "-vv", "list", "-o", "json", env=login(tmp_path, meddler.host))
    assert [state["tag"] for state in ran.document] == ["HG0105a"]
    assert [(asked.path.partition("?")[0].rpartition("/")[2], asked.headers.get("Authorization")) for asked in meddler.asked] == [
        ("artifacts", None),
        ("ping", None),
        ("artifacts", BASIC),
    ]
    assert SECRET not in ran.out + ran.err
    assert BASIC.partition(" ")[2] not in ran.out + ran.err


@pytest.mark.parametrize("answer", [refusal(401, "UNAUTHORIZED"), Reply(401, {}, b"who are you?"), Reply(404, {}, b"404 page not found\n")])
def test_what_is_no_harbor_gets_no_credentials_there(
    registry: RealRegistry, tool: Tool, meddle: Meddle, tmp_path: Path, answer: Reply
) -> None:
    registry.push("HG0105a")
    meddler = meddle(registry.host, before=lambda asked: answer if asked.path.startswith("/api/") else None)
    listed = tool(meddler.host, "list", "-o", "json", env=login(tmp_path, meddler.host)).document
    assert [state["tag"] for state in listed] == ["HG0105a"]
    assert not [asked for asked in meddler.asked if "Authorization" in asked.headers]


NOT_HELPFUL = {
    "a page for browsers": Reply(200, {}, b"<html></html>"),
    "an object": Reply(200, {}, b'{"artifacts": []}'),
    "an artifact without a digest": Reply(200, {}, b'[{"size": 1}]'),
    "a wrong digest": Reply(200, {}, b'[{"size": 1, "digest": "sha256:1", "tags": [{"name": "HG0105a"}]}]'),
    "failing": Reply(500, {"Retry-After": "0"}),
    "too many requests": Reply(429, {"Retry-After": "9999"}),
    "sends elsewhere": Reply(302, {"Location": "http://login.example/"}),
    "a gap": Reply(200, {"X-Total-Count": "2"}, b"[]"),
}


@pytest.mark.parametrize("case", NOT_HELPFUL)
def test_an_api_that_does_not_help_is_done_without(registry: RealRegistry, tool: Tool, meddle: Meddle, case: str) -> None:
    digest = registry.push("HG0105a")
    meddler = meddle(registry.host, before=lambda asked: NOT_HELPFUL[case] if asked.path.startswith("/api/") else None)
    (state,) = tool(meddler.host, "list", "-o", "json").document
    assert (state["digest"], state["pulled"]) == (digest, None)
    assert tool(meddler.host, "check", "HG0105a", "-o", "json").document["digest"] == digest


def test_more_artifacts_than_a_page_holds(tool: Tool, meddle: Meddle) -> None:
    api = HarborApi()
    for number in range(230):
        api.add(fake(number), [f"HG{number % 28 + 1:02d}{number // 28 + 1:02d}a"])
    api.add(fake(999), [])  # what has lost its tags is not asked for
    meddler = meddle(before=api)
    assert len(tool(meddler.host, "list", "-o", "json").document) == 230
    assert len(listing(meddler)) == 3


def test_harbor_hides_what_one_may_not_see(tool: Tool, meddle: Meddle) -> None:
    meddler = meddle(before=HarborApi(private=True))
    ran = tool(meddler.host, "list", "-o", "json")
    assert (ran.code, ran.document["error"]["code"]) == (3, "not-in-registry")
    assert "hidden from people who are not logged in" in ran.document["error"]["message"]


def test_a_repository_that_is_hidden_from_nobody_in_particular(registry: RealRegistry, tool: Tool, meddle: Meddle, tmp_path: Path) -> None:
    """Harbor may say 404 without naming a way to log in; only `/v2/` names it then."""
    digest = registry.push("HG0105a")

    def before(asked: Asked) -> Reply | None:
        if asked.headers.get("Authorization") == BASIC:
            return None
        return Reply(401, {"WWW-Authenticate": 'Basic realm="harbor"'}) if asked.path == "/v2/" else refusal(404, "NOT_FOUND")

    meddler = meddle(registry.host, before=before)
    hidden = tool(meddler.host, "check", "HG0105a", "-o", "json")
    assert (hidden.code, hidden.document["error"]["code"]) == (3, "not-in-registry")
    shown = tool(meddler.host, "check", "HG0105a", "-o", "json", env=login(tmp_path, meddler.host))
    assert shown.document["digest"] == digest
    assert len([asked for asked in meddler.asked if asked.path == "/v2/"]) == 2


def test_a_path_without_a_project_is_no_harbors(meddle: Meddle) -> None:
    def never(asked: Asked) -> Reply:
        raise AssertionError(asked)

    meddler = meddle(before=never)
    from helmtool.adapters.registry.auth import Authenticator
    from helmtool.adapters.registry.transport import Transport

    repository = parse_repository(f"{meddler.host}/newdqmgui")
    transport = Transport(repository.host)
    assert Harbor(repository, transport, Authenticator(repository, transport)).artifacts() is None
    assert meddler.asked == []
