"""A stand-in for Harbor's own API, as its documentation says (API 2.0): artifacts by page, refusals, ping, its token service."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from meddler import Asked, Meddler, Reply

NEVER = "0001-01-01T00:00:00.000Z"
ACCOUNT = "robot$dqm"
SECRET = "canary-cli-secret"
BASIC = "Basic " + base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()


def refusal(status: int, code: str) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode())


@dataclass
class HarborApi:
    """The artifacts of one repository; in front of a plain registry it plays the whole Harbor.

    `private` asks who is there and says 404 to whoever may not see, as Harbor does for a project that is not public.
    """

    path: str = "cmsweb/newdqmgui"
    private: bool = False
    artifacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, dict[str, Any]] = field(default_factory=dict)
    total: int | None = None

    def add(self, digest: str, tags: list[str], *, pull: str = NEVER, push: str = NEVER, **more: Any) -> None:
        created = more.pop("created", "2026-05-01T10:00:00Z")
        self.artifacts[digest] = {
            "type": "IMAGE",
            "digest": digest,
            "size": 1234,
            "push_time": push,
            "pull_time": pull,
            "extra_attrs": {"architecture": "amd64", "os": "linux", "created": created},
            "references": None,
            "tags": [{"name": tag, "push_time": push, "pull_time": pull, "immutable": False} for tag in tags],
            **more,
        }

    def __call__(self, asked: Asked) -> Reply | None:
        parts = urlsplit(asked.path)
        if parts.path == "/api/v2.0/ping":
            return Reply(200, {"Content-Type": "text/plain"}, b"Pong")
        if not parts.path.startswith("/api/v2.0/"):
            return None
        if self.private and asked.headers.get("Authorization") != BASIC:
            return refusal(404 if asked.headers.get("Authorization") else 401, "NOT_FOUND")
        project, _, name = self.path.partition("/")
        root = f"/api/v2.0/projects/{project}/repositories/{name.replace('/', '%252F')}/artifacts"
        if parts.path == root:
            return self._page(parse_qs(parts.query))
        if parts.path.startswith(root + "/"):
            return self._one(parts.path.removeprefix(root + "/"))
        return refusal(404, "NOT_FOUND")

    def _one(self, reference: str) -> Reply:
        found = {**self.artifacts, **self.children}.get(reference)
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(found).encode()) if found else refusal(404, "NOT_FOUND")

    def _page(self, query: dict[str, list[str]]) -> Reply:
        size, page = int(query.get("page_size", ["10"])[0]), int(query.get("page", ["1"])[0])
        if size > 100:
            return refusal(422, "UNPROCESSABLE")
        shown = [a for a in self.artifacts.values() if a["tags"] or query.get("q") != ["tags=*"]]
        total = len(shown) if self.total is None else self.total
        body = json.dumps(shown[(page - 1) * size : page * size]).encode()
        return Reply(200, {"Content-Type": "application/json", "X-Total-Count": str(total)}, body)


def listing(meddler: Meddler) -> list[str]:
    return [path for path in meddler.paths("GET") if "/artifacts?" in path]
