"""What a registry may answer, and what the files of its credentials may hold."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cases import Case, Content, codes, in_a_mode
from mutations import HOSTILE_TEXTS, change_bytes, change_structure, hostile_value
from servers import Answering, Reply, Request
from sites import Good

CANARY = "cAnArY-of-a-login-c0ffee"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
PATH = "cmsweb/newdqmgui"
VALUES = f"environment: test4\nimage: {{repository: '{{server}}/{PATH}'}}\n"
PLACES = ("/tags/list", "/manifests/HG0105a", "/manifests/", "/blobs/", "/token", "/api/v2.0/", "/v2/")
BASIC = base64.b64encode(f"user:{CANARY}".encode()).decode()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Contents:
    """Images of a registry: manifests by tag and digest, blobs by digest."""

    tags: Mapping[str, bytes]
    blobs: Mapping[str, bytes]
    types: Mapping[str, str]

    def manifest(self, reference: str) -> bytes | None:
        """The manifest under a tag or a digest."""
        return self.tags.get(reference) or self.blobs.get(reference)


def _contents() -> Contents:
    config = json.dumps({"created": "2026-05-01T10:00:00Z", "os": "linux", "architecture": "amd64"}).encode()
    blob = {"mediaType": "application/octet-stream", "digest": digest_of(config), "size": len(config)}
    image = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": blob, "layers": [{**blob, "size": 2_000_000}]}).encode()
    platform = {"os": "linux", "architecture": "amd64"}
    child = {"mediaType": MANIFEST, "digest": digest_of(image), "size": len(image), "platform": platform}
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}).encode()
    tags = {"HG0105a": image, "HG0105a-stable": image, "HG0205a": index, "HG0305b": image, "latest": image}
    blobs = {digest_of(content): content for content in (config, image, index)}
    return Contents(tags, blobs, {digest_of(image): MANIFEST, digest_of(index): INDEX})


CONTENTS = _contents()

Change = Callable[[random.Random, Request, Reply, str], Reply]


@dataclass(frozen=True)
class Answers:
    """A registry that is in order but for `changes`, each for requests whose path holds a text; `login` is what it asks for."""

    seed: str = ""
    changes: Sequence[tuple[str, Change]] = ()
    login: str = ""
    harbor: bool = False
    extra: Mapping[str, Content] = field(default_factory=dict)

    def files(self) -> dict[str, Content]:
        """The values that lead to it."""
        return {"root/values/test4.yaml": VALUES.encode(), **self.extra}

    def answering(self, address: str) -> Answering:
        """The answers, of one address. The same request always gets the same answer."""

        written: dict[str, bytes] = {}

        def answer(request: Request) -> Reply:
            reply = self._login(request, address) or (self._harbor(request) if self.harbor else None) or _good(request, written)
            for place, change in self.changes:
                if place in request.path:
                    reply = change(random.Random(f"{self.seed}/{place}/{request.path}"), request, reply, address)
            return reply

        return answer

    def _login(self, request: Request, address: str) -> Reply | None:
        given = request.headers.get("Authorization") or ""
        if self.login == "basic" and given != f"Basic {BASIC}":
            return Reply(401, [("WWW-Authenticate", 'Basic realm="x"')], b'{"errors": []}')
        if self.login == "bearer" and request.path == "/token":
            return Reply(200, [("Content-Type", "application/json")], b'{"token": "t0ken"}')
        if self.login == "bearer" and given != "Bearer t0ken":
            return Reply(401, [("WWW-Authenticate", f'Bearer realm="http://{address}/token",service="x",scope="y"')], b"{}")
        return None

    def _harbor(self, request: Request) -> Reply | None:
        if not request.path.startswith("/api/v2.0/"):
            return None
        found = [
            _artifact(content, [tag for tag, one in CONTENTS.tags.items() if one == content]) for content in set(CONTENTS.tags.values())
        ]
        found.sort(key=lambda artifact: str(artifact["digest"]))
        if request.path.endswith("/artifacts"):
            return _json(found, [("X-Total-Count", str(len(found)))])
        reference = request.path.rpartition("/")[2]
        one = next((a for a in found if reference in (a["digest"], *(tag["name"] for tag in a["tags"]))), None)
        return _json(one) if one else Reply(404, [], b'{"errors": [{"code": "NOT_FOUND"}]}')


GOOD_REGISTRY = Answers()


def _artifact(content: bytes, tags: Sequence[str]) -> dict[str, Any]:
    times = {"push_time": "2026-05-01T11:00:00.000Z", "pull_time": "2026-05-02T11:00:00.000Z"}
    return {
        "digest": digest_of(content),
        "size": 2_000_100,
        "tags": [{"name": tag, "immutable": False, **times} for tag in tags],
        "extra_attrs": {"created": "2026-05-01T10:00:00Z", "os": "linux", "architecture": "amd64"},
        "references": None,
        **times,
    }


def _json(document: Any, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    return Reply(200, [("Content-Type", "application/json"), *headers], json.dumps(document).encode())


def _good(request: Request, written: dict[str, bytes]) -> Reply:
    """What the OCI distribution API has; `written` are the tags that were put."""
    if request.path == f"/v2/{PATH}/tags/list":
        return _json({"name": PATH, "tags": list(CONTENTS.tags)})
    kind, _, reference = request.path.removeprefix(f"/v2/{PATH}/").partition("/")
    if kind == "manifests" and request.method == "PUT":
        written[reference] = request.body
        return Reply(201, [("Docker-Content-Digest", digest_of(request.body))])
    content = written.get(reference) or CONTENTS.manifest(reference) if kind == "manifests" else CONTENTS.blobs.get(reference)
    if content is None:
        return Reply(404, [("Content-Type", "application/json")], b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
    digest = digest_of(content)
    media_type = CONTENTS.types.get(digest, "application/octet-stream")
    return Reply(200, [("Content-Type", media_type), ("Docker-Content-Digest", digest)], content)


def _header(reply: Reply, name: str, value: str | None) -> Reply:
    kept = [(n, v) for n, v in reply.headers if n != name]
    return replace(reply, headers=kept if value is None else [*kept, (name, value)])


def _other_status(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    status = rng.choice((100, 101, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 418, 429, 451, 500, 502, 503, 599, 600, 999))
    return replace(reply, status=status)


def _other_header(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    elsewhere = (
        "http://elsewhere.invalid/v2/x",
        "https://127.0.0.1:1/v2/",
        "//[",
        "http://[::1",
        "/v2/",
        f"http://{address}{request.path}",
        "",
    )
    values: dict[str, tuple[str, ...]] = {
        "Content-Type": ("text/html", "application/vnd.docker.distribution.manifest.v1+json", "", ";", "\x1b[31m", INDEX),
        "Docker-Content-Digest": ("sha256:" + "0" * 64, "sha512:" + "0" * 128, "sha256:x", "", "\x1b[2J", "sha256:" + "A" * 64),
        "Link": (
            f'<{request.path}>; rel="next"',
            *(f'<{where}>; rel="next"' for where in elsewhere),
            "<",
            "x" * 30_000,
            '<a>;rel="next' * 500,
        ),
        "WWW-Authenticate": (
            *(f'Bearer realm="{where}"' for where in elsewhere),
            'Basic realm="',
            "Negotiate",
            "Bearer",
            "Bearer realm=" + "x" * 5000,
            'a="' * 5000,
            "," * 20_000,
            "Bearer" + " " * 60_000 + '"',
        ),
        "Location": elsewhere,
        "Retry-After": ("0", "-1", "9999999999", "1" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 99 Foo 0 0:0:0", "٣", "1e3", "²"),
        "Content-Length": ("0", "-1", "99999999999999", "x", "1", ""),
        "Content-Encoding": ("gzip", "deflate", "br", "zstd", "x", "gzip, gzip, gzip, gzip, gzip, gzip"),
        "Transfer-Encoding": ("chunked", "gzip"),
        "X-Total-Count": ("-1", "٣", "99999999999999999999", "x", "0", "²", "9" * 5000),
    }
    name = rng.choice(tuple(values))
    changed = _header(reply, name, rng.choice(values[name]))
    if name == "WWW-Authenticate":
        return replace(changed, status=rng.choice((401, 403)))
    if name == "Location":
        return replace(changed, status=rng.choice((301, 302, 307, 308)))
    return replace(changed, status=rng.choice((429, 503))) if name == "Retry-After" else changed


def _other_structure(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    """Another document, whose digest is the one that is named where the bytes are asked for by their tag."""
    try:
        document = change_structure(rng, json.loads(reply.body))
    except ValueError:
        document = hostile_value(rng)
    body = json.dumps(document, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    changed = replace(reply, body=body)
    named = any(name == "Docker-Content-Digest" for name, _ in reply.headers) and rng.random() < 0.7
    return _header(changed, "Docker-Content-Digest", digest_of(body)) if named else changed


def _other_bytes(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    return replace(reply, body=change_bytes(rng, reply.body))


def _half(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    return replace(reply, cut=rng.randrange(len(reply.body) + 1))


def _slow(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    return replace(reply, drip=0.002)


def _huge(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    if rng.random() < 0.5:
        return _header(replace(reply, body=gzip.compress(b" " * (200 << 20), 1)), "Content-Encoding", "gzip")
    return replace(reply, body=rng.choice((b" ", b"[", b'{"tags": ["')) * (1 << 20), repeat=64)


def _raw(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    raws = (
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    )
    return replace(reply, raw=rng.choice((*raws, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + b"\r\n", b"HTTP/1.1 200 " + b"x" * 100_000)))


def _other_document(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    documents: tuple[Any, ...] = (
        {"tags": None},
        {"tags": ["HG0105a"] * 60_000},
        {"tags": [f"HG{n:06d}" for n in range(60_000)]},
        {"tags": [f"HG{d:02d}{m:02d}{c}" for d in range(1, 29) for m in range(1, 3) for c in "abcdefghijklmnopqrstuvwxyz"]},
        {"tags": list(HOSTILE_TEXTS)},
        {"token": rng.choice(HOSTILE_TEXTS)},
        {"created": rng.choice(("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "2026-13-01", "٢٠٢٦-05-01", "2026-05-01T10:00:00"))},
        {"schemaVersion": 1},
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": []},
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": "sha256:" + "0" * 64, "size": float("inf")}, "layers": []},
        [],
    )
    body = json.dumps(rng.choice(documents)).encode()
    return _header(replace(reply, body=body), "Docker-Content-Digest", digest_of(body))


CHANGES: tuple[Change, ...] = (
    *(_other_status, _other_header, _other_header, _other_header, _other_structure, _other_structure, _other_structure),
    *(_other_bytes, _half, _raw, _other_document, _other_document),
)
COMMANDS = (
    ("tag", "check", "HG0105a"),
    ("tag", "check", "HG0205a"),
    ("tag", "list"),
    ("tag", "next", "--date", "2026-05-01"),
    ("tag", "stable", "HG0105a", "--yes"),
    ("tag", "stable", "HG0305b", "--yes"),
)


def registries(rng: random.Random, good: Good) -> Case:
    """A registry that answers wrongly in one place or several; a tenth of them are in order."""
    command = rng.choice(COMMANDS)
    extra = {"home/.docker/config.json": json.dumps({"auths": {"{server}": {"auth": BASIC}}}).encode()} if rng.random() < 0.5 else {}
    login = rng.choice(("", "", "basic", "bearer")) if extra else rng.choice(("", "bearer"))
    answers = Answers(str(rng.random()), login=login, harbor=rng.random() < 0.4, extra=extra)
    arguments = in_a_mode(rng, *command, "--env", "test4")
    chance = rng.random()
    if chance < 0.1 and (login != "bearer" or "stable" not in command or extra):
        return Case(arguments, codes(0), answers.files(), answers=answers, canary=CANARY)
    if chance < 0.2 and "next" not in command and not answers.harbor and "list" not in command:
        damaged = replace(
            answers,
            login="",
            changes=[(f"/manifests/{digest_of(CONTENTS.tags[command[2]])}", _damaged), (f"/manifests/{command[2]}", _damaged)],
        )
        return Case(arguments, codes(5), damaged.files(), answers=damaged, canary=CANARY)
    change = rng.choice((*CHANGES, *CHANGES, _slow, _huge))
    changes = [(rng.choice(PLACES), change), *((rng.choice(PLACES), rng.choice(CHANGES)) for _ in range(rng.choice((0, 0, 1))))]
    changed = replace(answers, changes=changes)
    # What was written, and then is not there, is an operation that failed.
    allowed = codes(0, 1, 3, 4, 5) if "stable" in command else codes(0, 3, 4, 5)
    return Case(arguments, allowed, changed.files(), answers=changed, canary=CANARY)


def _damaged(rng: random.Random, request: Request, reply: Reply, address: str) -> Reply:
    """A body that is not that of its digest: it must be noticed, whatever is wrong with it."""
    return replace(reply, body=reply.body.replace(b"2000000", b"2000001").replace(b"amd64", b"amd65"))


LOGIN_FILES = ("home/.config/containers/auth.json", "home/.docker/config.json", "home/.config/helm/registry/config.json", "home/auth.json")


def credentials(rng: random.Random, good: Good) -> Case:
    """Files of credentials, for a registry that wants them."""
    document = {
        "auths": {"{server}/cmsweb": {"auth": BASIC}, "https://other.example/v1/": {"username": "u", "password": CANARY}},
        "credHelpers": {"helper.example": "fuzz-none"},
    }
    if rng.random() < 0.15:
        document["credsStore"] = {"x": "y"} if rng.random() < 0.2 else {}
    content = json.dumps(document, indent=1).encode()
    chance = rng.random()
    if chance < 0.45:
        content = json.dumps(change_structure(rng, document)).encode("utf-8", "surrogatepass")
    elif chance < 0.9:
        content = change_bytes(rng, content)
    elif chance < 0.95:
        content = rng.choice(
            (b"", b"[]", b"null", b"[" * 100_000, b'{"auths": ' + b"[" * 50_000, b'{"credsStore": "fuzz-none"}', b"\xff\xfe{}")
        )
    name = rng.choice(LOGIN_FILES)
    variables = {"REGISTRY_AUTH_FILE": "{home}/auth.json"} if name == "home/auth.json" else {}
    answers = Answers(str(rng.random()), login="basic", extra={name: content})
    command = rng.choice((("tag", "next"), ("tag", "list"), ("tag", "check", "HG0105a")))
    # What is kept as it is must do; the canary stands in the file as it is and in base64.
    allowed = codes(0) if chance >= 0.95 else codes(0, 3, 5)
    return Case(in_a_mode(rng, *command, "--env", "test4"), allowed, answers.files(), variables, answers, canary=CANARY)
