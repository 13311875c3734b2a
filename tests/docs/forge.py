"""A server on loopback with the parts of GitHub's and GitLab's API that the review uses; it keeps the comments and every request."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

GITHUB_LIST, GITHUB_ONE = r"/repos/dqm/services/issues/7/comments", r"/repos/dqm/services/issues/comments/(\d+)"
GITLAB_LIST, GITLAB_ONE = r"/api/v4/projects/42/merge_requests/7/notes", r"/api/v4/projects/42/merge_requests/7/notes/(\d+)"


@dataclass
class Forge:
    """The comments by number, who wrote others that may not be changed, and what was asked: verb, path, headers."""

    comments: dict[int, str] = field(default_factory=dict)
    foreign: set[int] = field(default_factory=set)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refuses: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Status and document, as the two describe it; anything else than what they document is 404."""
        if self.refuses:
            return self.refuses, {"message": "no"}
        parts = urlsplit(path)
        one = re.fullmatch(GITHUB_ONE, parts.path) if method == "PATCH" else re.fullmatch(GITLAB_ONE, parts.path)
        listed = re.fullmatch(f"{GITHUB_LIST}|{GITLAB_LIST}", parts.path)
        if method == "GET" and listed:
            query = parse_qs(parts.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            entries = [{"id": number, "body": text} for number, text in self.comments.items()]
            return 200, entries[size * (page - 1) : size * page]
        if method == "POST" and listed:
            number = max(self.comments, default=0) + 1
            self.comments[number] = body["body"]
            return 201, {"id": number}
        if method in ("PATCH", "PUT") and one and int(one[1]) in self.comments:
            if int(one[1]) in self.foreign:
                return 403, {"message": "not yours"}
            self.comments[int(one[1])] = body["body"]
            return 200, {"id": int(one[1])}
        return 404, {"message": "Not Found"}


def serve(forge: Forge) -> ThreadingHTTPServer:
    """Starts the server in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            forge.asked.append((self.command, self.path, dict(self.headers)))
            status, document = forge.answer(self.command, self.path, json.loads(content or b"null"))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PATCH = do_POST = do_PUT = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
