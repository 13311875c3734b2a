"""Who asks: nobody first, then the credentials of this person, as the registry's challenge wants them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from enum import IntEnum
from urllib.parse import urlencode

from helmtool.adapters.registry.credentials import Credential, find_credential
from helmtool.adapters.registry.errors import LoginNeeded
from helmtool.adapters.registry.transport import Answer, Transport
from helmtool.model.redaction import protect
from helmtool.model.registry import Challenge, Repository, UnexpectedAnswer, is_loopback, parse_challenges, parse_json, split_address

TOKEN_LIMIT = 1 << 20
FRESH = 30.0
"""Seconds for which a token is taken as good: one that is refused later is asked for anew."""


class Level(IntEnum):
    """How much a request says about who asks."""

    NOTHING = 0
    ANONYMOUS_TOKEN = 1
    CREDENTIALS = 2


class Authenticator:
    """Makes the Authorization header of one repository's requests, and asks for more only when the registry does."""

    def __init__(
        self, repository: Repository, transport: Transport, find: Callable[[Repository], Credential | None] = find_credential
    ) -> None:
        self._repository, self._transport, self._find = repository, transport, find
        self._lock = threading.Lock()
        self._headers: dict[str, str] = {}
        self._levels: dict[str, Level] = {}
        self._since: dict[str, float] = {}
        self._challenge: Challenge | None = None
        self._credential: Credential | None = None
        self._searched = self._probed = False

    @property
    def source(self) -> str:
        """Where the credentials in use came from; empty while nobody's are."""
        used = max(self._levels.values(), default=Level.NOTHING) is Level.CREDENTIALS
        return self._credential.source if used and self._credential else ""

    def credential(self) -> Credential | None:
        """The credentials of this person, looked for once. Raises CredentialsUnreadable."""
        with self._lock:
            self._search()
            return self._credential

    def _search(self) -> None:
        if not self._searched:
            self._credential, self._searched = self._find(self._repository), True

    def header(self, actions: str) -> dict[str, str]:
        """The header for requests that pull, or pull and push; empty as long as nobody asked for one."""
        value = self._headers.get(actions)
        return {"Authorization": value} if value else {}

    def next_level(self, actions: str, used: str | None, answer: Answer) -> bool:
        """Says more about who asks, after an answer that may want it.

        `used` is the header that was answered. False where there is nothing more to say.
        """
        with self._lock:
            if self._headers.get(actions) != used:
                return True  # another thread was here before
            self._note_challenge(answer.challenges)
            if self._challenge is None and answer.status == 404 and not self._probed:
                self._probed = True  # what is hidden names no way to log in; the root of the protocol does
                root = self._repository.url.removesuffix(self._repository.path)
                self._note_challenge(self._transport.send("GET", root, {}, limit=TOKEN_LIMIT).challenges)
            if self._challenge is None:
                return False
            level = self._levels.get(actions, Level.NOTHING)
            old = answer.status == 401 and time.monotonic() - self._since.get(actions, time.monotonic()) > FRESH
            for higher in list(Level)[level + (0 if old else 1) :]:
                value = self._at(self._challenge, higher, actions)
                if value:
                    self._levels[actions], self._headers[actions], self._since[actions] = higher, value, time.monotonic()
                    return True
            return False

    def _note_challenge(self, headers: Sequence[str]) -> None:
        """The first one counts for good: a later answer names no other token service."""
        known = [challenge for challenge in parse_challenges(headers) if challenge.scheme in ("bearer", "basic")]
        self._challenge = self._challenge or next((c for c in known if c.scheme == "bearer"), known[0] if known else None)

    def _at(self, challenge: Challenge, level: Level, actions: str) -> str | None:
        bearer = challenge.scheme == "bearer"
        if level is Level.ANONYMOUS_TOKEN:
            return self._token(challenge, actions, None) if bearer and actions == "pull" else None
        self._search()
        if self._credential is None or level is Level.NOTHING:
            return None
        if bearer:
            return self._token(challenge, actions, self._credential)
        return None if self._credential.identity_token else self._credential.basic

    def _token(self, challenge: Challenge, actions: str, credential: Credential | None) -> str | None:
        """Asks the token service that the challenge names (distribution's token authentication); it may give none to nobody."""
        realm = challenge.parameters.get("realm", "")
        parts = split_address(realm, self._repository.host)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.netloc)):
            raise UnexpectedAnswer(
                f"{self._repository.host} names a token service without TLS; credentials do not go there", hint="tell its operators"
            )
        query = {"scope": f"repository:{self._repository.path}:{actions}"}
        if challenge.parameters.get("service"):
            query["service"] = challenge.parameters["service"]
        answer = self._ask(realm, query, credential)
        if answer.status in (400, 401, 403, 404):
            if credential is None:
                return None
            raise LoginNeeded(self._repository.host, f"{actions.replace(',', ' and ')} {self._repository.path}", credential.source)
        data = parse_json(answer.body, f"the token service of {self._repository.host}")
        token = data.get("token") or data.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise UnexpectedAnswer(f"the token service of {self._repository.host} gives no token", hint="tell its operators")
        protect(token.encode())
        return f"Bearer {token}"

    def _ask(self, realm: str, query: dict[str, str], credential: Credential | None) -> Answer:
        if credential and credential.identity_token:
            form = {**query, "grant_type": "refresh_token", "client_id": "helmtool", "refresh_token": credential.identity_token}
            return self._transport.send("POST", realm, {}, limit=TOKEN_LIMIT, fields=form)
        headers = {"Authorization": credential.basic} if credential else {}
        return self._transport.send(
            "GET",
            f"{realm}{'&' if split_address(realm, self._repository.host).query else '?'}{urlencode(query)}",
            headers,
            limit=TOKEN_LIMIT,
        )
