"""Harbor's own API, where a registry is a Harbor: many tags in one request, and when each was pulled last.

Reading a manifest counts as a pull there, and a pull postpones the clean-up; this API and HEAD do not count.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from helmtool.adapters.registry.auth import Authenticator
from helmtool.adapters.registry.transport import Answer, Transport
from helmtool.errors import HelmtoolError
from helmtool.model.harbor import Artifact, parse_artifact, parse_artifacts
from helmtool.model.registry import Repository, UnexpectedAnswer

log = logging.getLogger(__name__)

PAGE = 100
"""The largest page that Harbor gives."""
TOLD = "with_tag=true&with_immutable_status=true"
MOST_PAGES = 500
ANSWER_LIMIT = 16 << 20
PING_LIMIT = 1 << 16


class Harbor:
    """One repository of a Harbor; its methods give nothing where there is no Harbor, or it does not show the repository."""

    def __init__(self, repository: Repository, transport: Transport, auth: Authenticator) -> None:
        self._repository, self._transport, self._auth = repository, transport, auth
        self._root = repository.url.removesuffix(f"/v2/{repository.path}") + "/api/v2.0"
        project, _, name = repository.path.partition("/")
        # Harbor wants the name of a nested repository encoded twice.
        self._url = f"{self._root}/projects/{project}/repositories/{name.replace('/', '%252F')}/artifacts"
        self._headers: dict[str, str] = {}
        self._absent = not name

    def artifacts(self) -> list[Artifact] | None:
        """Every artifact that has a tag. One that changed while the pages were read makes the list nothing: it may have a gap."""
        try:
            return self._pages()
        except HelmtoolError as error:
            log.debug("Harbor's API does not help: %s", error.message)
            return None

    def artifact(self, reference: str) -> Artifact | None:
        """One artifact by its tag or digest."""
        try:
            answer = self._get(f"{self._url}/{reference}?{TOLD}")
            return parse_artifact(_json(answer), str(self._repository)) if answer else None
        except HelmtoolError as error:
            log.debug("Harbor's API does not help: %s", error.message)
            return None

    def _pages(self) -> list[Artifact] | None:
        found: dict[str, Artifact] = {}
        for page in range(1, MOST_PAGES + 1):
            answer = self._get(f"{self._url}?q=tags%3D*&{TOLD}&page={page}&page_size={PAGE}")
            if answer is None:
                return None
            entries = parse_artifacts(_json(answer), str(self._repository))
            found |= {artifact.digest: artifact for artifact in entries}
            total = answer.headers.get("X-Total-Count", "")
            if len(entries) < PAGE or (total.isdecimal() and len(found) >= int(total)):
                return list(found.values()) if not total.isdecimal() or len(found) == int(total) else None
        return None

    def _get(self, url: str) -> Answer | None:
        """The answer, with this person's name and password only where nobody's is not enough and a Harbor has answered."""
        if self._absent:
            return None
        answer = self._transport.send("GET", url, self._headers, limit=ANSWER_LIMIT)
        if answer.status in (401, 403, 404) and not self._headers and self._is_harbor(answer):
            credential = self._auth.credential()
            if credential and not credential.identity_token:
                self._headers = {"Authorization": credential.basic}
                answer = self._transport.send("GET", url, self._headers, limit=ANSWER_LIMIT)
        if answer.status == 200:
            return answer
        self._absent = not self._headers
        return None

    def _is_harbor(self, answer: Answer) -> bool:
        """Whether the refusal has Harbor's form; then its ping must answer too."""
        try:
            said = json.loads(answer.body)["errors"][0]["code"]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return False
        ping = self._transport.send("GET", f"{self._root}/ping", {}, limit=PING_LIMIT)
        return isinstance(said, str) and ping.status == 200 and ping.body.strip().strip(b'"') == b"Pong"


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise UnexpectedAnswer("the answer is not JSON", hint="run it again with -vv") from None
