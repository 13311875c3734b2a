"""A registry that does not do what the protocol says: one clear error each, in time, and never a wrong fact."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from images import PATH, RealRegistry
from meddler import Asked, Meddler, Reply

from helmtool.adapters.registry import transport

Meddle = Callable[..., Meddler]
Tool = Callable[..., Any]
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
NEVER = {"Retry-After": "3600"}


def always(reply: Reply) -> Callable[[Asked], Reply]:
    return lambda asked: reply


def fails(ran: Any, exit_code: int, code: str, *words: str) -> None:
    """The one error, with its words, on standard output as JSON."""
    error = ran.document["error"]
    assert (ran.code, error["code"]) == (exit_code, code), error
    for word in words:
        assert word in error["message"] + " " + error["hint"], error
    assert error["hint"]


EVERY_REQUEST = {
    "401 without a way to log in": (Reply(401), 5, "registry-login", "no credentials for it were found", "podman login"),
    "403": (Reply(403), 5, "registry-forbidden", "people who are not logged in"),
    "404": (Reply(404), 3, "not-in-registry", "does not exist, or is hidden"),
    "429 for an hour": (Reply(429, NEVER), 5, "registry-rate-limit", "in 3600 s"),
    "429 until a date": (Reply(429, {"Retry-After": formatdate(time.time() + 7200, usegmt=True)}), 5, "registry-rate-limit", "again in 7"),
    "429 again and again": (Reply(429, {"Retry-After": "0"}), 5, "registry-rate-limit", "in some minutes"),
    "500": (Reply(500, {"Retry-After": "0"}), 5, "registry-failed", "answered 500"),
    "503 with a page": (Reply(503, {"Retry-After": "0"}, b"<html>secret-of-the-page</html>"), 5, "registry-failed", "answered 503"),
    "a redirect loop": (Reply(302, {"Location": "/v2/again"}), 5, "registry-answer", "redirects more than 5 times"),
    "a redirect away from TLS": (Reply(307, {"Location": "http://registry.example/v2/"}), 5, "registry-answer", "without TLS, http://registry.example"),
    "a redirect to a file": (Reply(302, {"Location": "file:///etc/passwd"}), 5, "registry-answer", "without TLS"),
    "a teapot": (Reply(418), 5, "registry-answer", "answered 418"),
    "a cut connection": (Reply(cut=True), 5, "registry-unreachable", "the connection broke"),
}  # fmt: skip


@pytest.mark.parametrize("case", EVERY_REQUEST)
def test_every_request_is_answered_so(tool: Tool, meddle: Meddle, case: str) -> None:
    reply, *expected = EVERY_REQUEST[case]
    begun = time.monotonic()
    ran = tool(meddle(before=always(reply)).host, "check", "HG0105a", "-o", "json")
    fails(ran, *expected)
    assert time.monotonic() - begun < 15
    assert "secret-of-the-page" not in ran.out + ran.err


@pytest.mark.parametrize("after", ["0", formatdate(time.time() - 60, usegmt=True)])
def test_a_short_pause_is_kept_and_then_it_works(registry: RealRegistry, tool: Tool, meddle: Meddle, after: str) -> None:
    registry.push("HG0105a")
    pauses = [Reply(429, {"Retry-After": after})] * 2
    meddler = meddle(registry.host, before=lambda asked: pauses.pop() if pauses else None)
    assert tool(meddler.host, "check", "HG0105a").code == 0
    assert not pauses


def test_a_read_that_failed_twice_is_tried_a_third_time(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    registry.push("HG0105a")
    failures = [Reply(502, {"Retry-After": "0"}), Reply(cut=True)]
    assert tool(meddle(registry.host, before=lambda asked: failures.pop() if failures else None).host, "check", "HG0105a").code == 0
    assert not failures


def test_slow_to_answer(tool: Tool, meddle: Meddle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.3)
    fails(tool(meddle(before=always(Reply(wait=3))).host, "check", "HG0105a", "-o", "json"), 5, "registry-unreachable", "no answer within")


def test_a_body_that_drips(tool: Tool, meddle: Meddle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BODY_TIMEOUT", 0.4)
    drip = Reply(200, {"Content-Type": "application/json"}, b'{"tags": [' + b" " * 1000, drip=0.05)
    begun = time.monotonic()
    fails(tool(meddle(before=always(drip)).host, "next", "-o", "json"), 5, "registry-unreachable", "not complete after")
    assert time.monotonic() - begun < 10


def test_a_name_that_nobody_knows(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    fails(tool("no-such-host.invalid", "check", "HG0105a", "-o", "json"), 5, "registry-unreachable", "name is not known")


BODIES = {
    "not JSON": (Reply(200, {}, b"<html>welcome</html>"), "no object of JSON"),
    "nested without end": (Reply(200, {}, b"[" * 200_000), "no object of JSON"),
    "another document": (Reply(200, {}, b'{"tags": {"HG0105a": 1}}'), "is none"),
    "too large": (Reply(200, {}, b'{"tags": [' + b" " * (17 << 20)), "more than 16384 KiB"),
    "without an end": (Reply(200, {}, b"{", endless=True), "more than 16384 KiB"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_list_of_tags_that_is_none(tool: Tool, meddle: Meddle, case: str) -> None:
    reply, words = BODIES[case]
    fails(tool(meddle(before=always(reply)).host, "next", "-o", "json"), 5, "registry-answer", words)


def test_a_truncated_body(registry: RealRegistry, tool: Tool, meddle: Meddle) -> None:
    registry.push("HG0105a")

    def after(asked: Asked, reply: Reply) -> Reply:
        return Reply(reply.status, reply.headers, reply.body, keep=40) if asked.method == "GET" and "/manifests/" in asked.path else reply

    ran = tool(meddle(registry.host, after=after).host, "check", "HG0105a", "-o", "json")
    fails(ran, 5, "registry-unreachable", "broke before the answer was complete")


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
def test_other_bytes_than_the_digest_says(registry: RealRegistry, tool: Tool, meddle: Meddle, part: str) -> None:
    registry.push("HG0105a")

    def after(asked: Asked, reply: Reply) -> Reply:
        return Reply(reply.status, reply.headers, reply.body + b" ") if asked.method == "GET" and part in asked.path else reply

    host = meddle(registry.host, after=after).host
    fails(tool(host, "check", "HG0105a", "-o", "json"), 5, "wrong-digest", "sha256:")
    if part == "/manifests/":
        fails(tool(host, "stable", "HG0105a", "--yes", "-o", "json"), 5, "wrong-digest")
        assert not registry.has("HG0105a-stable")
    listed = tool(host, "list", "-o", "json")  # one damaged image hides no other, and is in no list as if it were whole
    assert (listed.code, listed.document) == (0, [])
    assert "left out" in listed.err


@pytest.mark.parametrize("answers_head", [True, False])
def test_a_manifest_of_schema_1(tool: Tool, meddle: Meddle, answers_head: bool) -> None:
    old = Reply(200, {"Content-Type": SCHEMA_1, "Docker-Content-Digest": "sha256:" + "0" * 64}, b'{"schemaVersion": 1}')

    def before(asked: Asked) -> Reply | None:
        if asked.method == "HEAD" and not answers_head:
            return Reply(200, {"Docker-Content-Digest": "sha256:" + "0" * 64})
        return old if "/manifests/" in asked.path else None

    meddler = meddle(before=before)
    for command in (("check", "HG0105a"), ("stable", "HG0105a", "--yes")):
        fails(tool(meddler.host, *command, "-o", "json"), 3, "schema-one", "schema 1")
    assert meddler.paths("PUT") == []


def pages(names: list[str], size: int) -> Callable[[Asked], Reply | None]:
    """A list of tags in pages, each naming the next one."""

    def before(asked: Asked) -> Reply | None:
        if "/tags/list" not in asked.path:
            return None
        start = int(asked.path.partition("last=")[2] or 0)
        body = '{"tags": [' + ", ".join(f'"{name}"' for name in names[start : start + size]) + "]}"
        more = {"Link": f'</v2/{PATH}/tags/list?n={size}&last={start + size}>; rel="next"'} if start + size < len(names) else {}
        return Reply(200, more, body.encode())

    return before


def test_ten_thousand_tags(tool: Tool, meddle: Meddle) -> None:
    today = [f"HG0105{letter}" for letter in "abcde"]
    meddler = meddle(before=pages([f"build-{n}" for n in range(9_995)] + today, 1000))
    assert tool(meddler.host, "next", "--date", "2026-05-01").out == "HG0105f\n"
    assert len(meddler.asked) == 10


def test_more_tags_than_any_repository_has(tool: Tool, meddle: Meddle) -> None:
    meddler = meddle(before=pages([f"b{n}" for n in range(60_000)], 10_000))
    fails(tool(meddler.host, "next", "-o", "json"), 5, "registry-answer", "more than 50000 tags")


@pytest.mark.parametrize("grows", [False, True])
def test_pages_without_an_end(tool: Tool, meddle: Meddle, grows: bool) -> None:
    def before(asked: Asked) -> Reply | None:
        number = len(meddler.asked) if grows else 1
        return Reply(200, {"Link": f'</v2/{PATH}/tags/list?last={number}>; rel="next"'}, b'{"tags": ["HG0105a"]}')

    meddler = meddle(before=before)
    fails(tool(meddler.host, "next", "-o", "json"), 5, "registry-answer", "again and again")
    assert len(meddler.asked) <= 5


NEXT = f"/v2/{PATH}/tags/list?last=HG0105a"


@pytest.mark.parametrize(
    "link",
    [
        f'<{NEXT}>; rel="next"',
        f"<{NEXT}>; rel=next",
        f'<{NEXT}>; Rel="prefetch NEXT"',
        f'<{NEXT}>; title="a, b; rel=last"; rel="next"',
        f'</v2/x>; rel="first", <{NEXT}>;rel="next"; n=1',
        '<list?last=HG0105a>; rel="next"',
        'http://HOST/x, <x>; rel="next"',
        f'{NEXT}; rel="next"',
        f"<{NEXT}; rel=next",
        f'<{NEXT}>; rel="next',
        f'"{NEXT}"; rel="next"',
        f"<{NEXT}> rel=next",
        f"<{NEXT}>",
        f"<{NEXT}>; title=next",
        f'<{NEXT}{"x" * 9000}>; rel="next"',
    ],
)
def test_a_tag_that_is_taken_is_never_offered(tool: Tool, meddle: Meddle, link: str) -> None:
    """A header Link as RFC 8288 has it leads to the next page; one that cannot be read is not taken for the last page."""

    def before(asked: Asked) -> Reply | None:
        last = "last=" in asked.path
        return Reply(200, {} if last else {"Link": link}, b'{"tags": ["HG0105b"]}' if last else b'{"tags": ["HG0105a"]}')

    meddler = meddle(before=before)
    ran = tool(meddler.host, "next", "--date", "2026-05-01", "-o", "json")
    if ran.code == 0:
        assert ran.document["tag"] == "HG0105c"
    else:
        assert "(RFC 8288)" in ran.error(5)["message"]
    complete = "rel=" in link.lower() and "> rel" not in link and link.count('"') % 2 == 0
    well_formed = complete and link.startswith("<") and ">" in link and len(link) < 9000
    assert (ran.code == 0) is well_formed


@pytest.mark.parametrize("link", ['</v2/x>; rel="prev"', '</v2/x>; title=next; rel="up"', '</v2/x>; rel="first"; rel="next"', "", " , "])
def test_a_link_that_is_no_next_page_ends_the_list(tool: Tool, meddle: Meddle, link: str) -> None:
    meddler = meddle(before=always(Reply(200, {"Link": link}, b'{"tags": ["HG0105a"]}')))
    assert tool(meddler.host, "next", "--date", "2026-05-01").out == "HG0105b\n"


@pytest.mark.parametrize("link", ["<https://elsewhere.example/v2/x/tags/list>", "</internal>", "<//elsewhere.example/v2/>"])
def test_a_next_page_at_another_place(tool: Tool, meddle: Meddle, link: str) -> None:
    meddler = meddle(before=always(Reply(200, {"Link": f'{link}; rel="next"'}, b'{"tags": []}')))
    fails(tool(meddler.host, "next", "-o", "json"), 5, "registry-answer", "continues its list of tags at")


HEADERS = {
    "spaces": {"WWW-Authenticate": "Bearer" + " " * 60_000 + '"'},
    "commas": {"WWW-Authenticate": "Bearer " + ", " * 30_000 + '"'},
    "quotes": {"WWW-Authenticate": 'Bearer realm="' + '\\"' * 30_000},
    "links": {"Link": "<" * 60_000},
    "parameters": {"Link": "</v2/>" + "; a" * 20_000},
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_without_sense_takes_no_time(tool: Tool, meddle: Meddle, header: dict[str, str]) -> None:
    status = 401 if "WWW-Authenticate" in header else 200
    begun = time.process_time()
    ran = tool(meddle(before=always(Reply(status, header, b'{"tags": []}'))).host, "list", "-o", "json")
    assert ran.error(5)["code"] in ("registry-login", "registry-answer")
    assert time.process_time() - begun < 2
