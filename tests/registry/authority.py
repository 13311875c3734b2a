"""What a registry with tokens needs, made for one test: a service that gives them as Harbor's does."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from meddler import Asked, Reply
from named import Authority

SERVICE = "harbor-registry"


@dataclass
class TokenService:
    """Gives tokens as Harbor's service does: pull to everybody unless `private`, push to who has the password or the identity token."""

    authority: Authority
    basic: str
    identity: str = ""
    private: bool = False
    expired: int = 0
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply | None:
        if not asked.path.startswith("/service/token"):
            return None
        self.asked.append(asked)
        form = parse_qs(asked.body.decode()) if asked.method == "POST" else parse_qs(urlsplit(asked.path).query)
        known = asked.headers.get("Authorization") == self.basic or (self.identity and form.get("refresh_token") == [self.identity])
        if ("Authorization" in asked.headers or asked.method == "POST") and not known:
            return Reply(401, {}, b'{"errors": [{"code": "UNAUTHORIZED"}]}')
        _, name, actions = form["scope"][0].split(":")
        allowed = actions.split(",") if known else [] if self.private else [action for action in actions.split(",") if action == "pull"]
        return Reply(200, {"Content-Type": "application/json"}, json.dumps({"token": self._token(name, allowed)}).encode())

    def _token(self, name: str, actions: list[str]) -> str:
        now, lasts = int(time.time()), 300
        if self.expired > 0:
            self.expired, now = self.expired - 1, now - 86400
        der = "".join((self.authority.ca).read_text().split("-----")[2].split())
        access = [{"type": "repository", "name": name, "actions": actions}]
        claims = {"iss": "test", "sub": "x", "aud": SERVICE, "exp": now + lasts, "nbf": now - 5, "iat": now, "jti": "1", "access": access}
        signed = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'x5c': [der]})}.{_part(claims)}"
        return f"{signed}.{_base64(self.authority.sign(signed.encode()))}"

    def config(self, host: str) -> dict[str, Any]:
        token = {"realm": f"http://{host}/service/token", "service": SERVICE, "issuer": "test", "rootcertbundle": str(self.authority.ca)}
        return {"auth": {"token": token}}


def _part(document: dict[str, Any]) -> str:
    return _base64(json.dumps(document).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
