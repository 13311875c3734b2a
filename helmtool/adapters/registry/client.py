"""The five calls on a registry: list tags, look at a manifest, read it, read a blob, write a manifest (OCI distribution API)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

from helmtool.adapters.registry.auth import Authenticator
from helmtool.adapters.registry.cache import FactsCache
from helmtool.adapters.registry.credentials import Credential, find_credential
from helmtool.adapters.registry.errors import LoginNeeded, NotFound, RegistryFailed, RegistryForbids, RegistryUnreachable
from helmtool.adapters.registry.harbor import Harbor
from helmtool.adapters.registry.transport import READS, THREADS, Answer, Transport
from helmtool.errors import HelmtoolError
from helmtool.model.harbor import Artifact
from helmtool.model.registry import (
    IMAGE_TYPES,
    INDEX_TYPES,
    SCHEMA_1,
    Facts,
    Manifest,
    Repository,
    SchemaOne,
    UnexpectedAnswer,
    WrongDigest,
    address_within,
    chosen_child,
    image_platform,
    is_digest,
    joined_address,
    next_page,
    parse_created,
    parse_json,
    parse_manifest,
    verify,
)

MANIFEST_LIMIT = 4 << 20
"""What the OCI distribution specification asks registries to take at least."""
BLOB_LIMIT = 8 << 20
PAGE_LIMIT = 16 << 20
PAGE = 1000
MOST_TAGS = 50_000
UNNAMED_READ = 10
IDLE_PAGES = 3
"""After how many pages in a row without a new tag a list is taken to have no end."""
ACCEPT = ", ".join((*IMAGE_TYPES, *INDEX_TYPES))
PULL, PUSH = "pull", "pull,push"
T = TypeVar("T")
R = TypeVar("R")


class Registry:
    """One repository of a registry. Its methods may be called by several threads."""

    def __init__(
        self,
        repository: Repository,
        *,
        cache: FactsCache | None = None,
        find: Callable[[Repository], Credential | None] = find_credential,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repository = repository
        self._cache = cache or FactsCache()
        self._transport = Transport(repository.host, sleep)
        self._auth = Authenticator(repository, self._transport, find)
        self._visible = False  # a 404 from a repository that has shown something is not about who asks
        self._harbor = Harbor(repository, self._transport, self._auth)

    def tags(self) -> list[str]:
        """Every tag of the repository, in the registry's order, page by page. Raises NotFound and UnexpectedAnswer."""
        found: dict[str, None] = {}
        idle = 0
        url = f"{self.repository.url}/tags/list?n={PAGE}"
        while url:
            before = len(found)
            answer = self._call("GET", url, "list the tags", limit=PAGE_LIMIT)
            self._require(answer, str(self.repository), hint=self._login_hint())
            found |= dict.fromkeys(self._page(answer))
            if len(found) > MOST_TAGS:
                raise UnexpectedAnswer(f"{self.repository} has more than {MOST_TAGS} tags", hint="have old tags removed from it")
            url = self._following(url, answer)
            idle = 0 if len(found) > before else idle + 1
            if url and idle == IDLE_PAGES:
                raise UnexpectedAnswer(f"{self.repository.host} gives the same page of tags again and again", hint="tell its operators")
        return list(found)

    def digest(self, tag: str) -> str | None:
        """The digest that a tag names, or nothing where the tag does not exist (or is hidden)."""
        answer = self._call("HEAD", self._manifest_url(tag), f"look at {tag}", accept=ACCEPT, limit=0)
        if answer.status == 404:
            return None
        self._require(answer, f"{self.repository}:{tag}")
        if answer.headers.get("Content-Type", "").partition(";")[0].strip() in SCHEMA_1:
            raise SchemaOne(f"{self.repository}:{tag}")
        digest = answer.headers.get("Docker-Content-Digest", "")
        return digest if is_digest(digest) else self.manifest(tag).digest

    def missing(self, tag: str) -> NotFound:
        """The error for a tag that has no digest."""
        return NotFound(self.repository.host, f"{self.repository}:{tag}", self._auth.source)

    def manifest(self, reference: str) -> Manifest:
        """The manifest under a tag or a digest, checked against the digest. Raises NotFound, WrongDigest, SchemaOne, UnexpectedAnswer."""
        name = f"{self.repository}{'@' if is_digest(reference) else ':'}{reference}"
        answer = self._call("GET", self._manifest_url(reference), f"read {reference}", accept=ACCEPT, limit=MANIFEST_LIMIT)
        self._require(answer, name)
        named = reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", "")
        if answer.headers.get("Content-Type", "").partition(";")[0].strip() in SCHEMA_1:
            raise SchemaOne(name)  # its digest leaves the signatures out, so it would not fit
        content = verify(answer.body, named, name) if is_digest(named) else answer.body
        return parse_manifest(content, answer.headers.get("Content-Type", ""), name)

    def facts(self, digest: str) -> Facts:
        """What the digest is, from the cache where it is known already. Raises as `manifest` does."""
        known = self._cache.get(digest)
        if known:
            return known
        manifest = self.manifest(digest)
        chosen = chosen_child(manifest.children)
        image, config = self._configured(chosen) if chosen else self._alone(manifest)
        platforms = tuple(c.platform for c in manifest.children) or (image_platform(config),)
        facts = Facts(digest, parse_created(config.get("created")), image.size, tuple(p for p in platforms if p))
        self._cache.put(facts)
        return facts

    def _alone(self, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """An image, or that of an index that names no platform: the first that has one in its configuration, as artifacts have not."""
        if manifest.config:
            return self._configured(manifest.digest, manifest)
        for digest in manifest.unnamed[:UNNAMED_READ]:
            try:
                image, config = self._configured(digest)
            except WrongDigest:
                raise
            except UnexpectedAnswer:  # an artifact's configuration may be anything
                continue
            if image_platform(config):
                return image, config
        return manifest, {}

    def _configured(self, digest: str, manifest: Manifest | None = None) -> tuple[Manifest, dict[str, Any]]:
        image = manifest or self.manifest(digest)
        return image, parse_json(self._blob(image.config), f"the configuration of {self.repository}@{digest}") if image.config else {}

    def artifacts(self) -> list[Artifact] | None:
        """Every digest that has a tag, in few requests; nothing where the registry is no Harbor that shows them."""
        return self._harbor.artifacts()

    def artifact(self, digest: str) -> Artifact | None:
        """What Harbor knows of a digest; nothing where there is no Harbor that tells."""
        return self._harbor.artifact(digest)

    def facts_of(self, artifact: Artifact) -> Facts:
        """The facts of what Harbor listed; for an index it is asked once for the image that stands for it."""
        if not artifact.child:
            return artifact.facts
        known = self._cache.get(artifact.digest)
        child = None if known else self._harbor.artifact(artifact.child)
        if child is None:
            return known or self.facts(artifact.digest)
        facts = artifact.facts._replace(created=child.facts.created, size=child.facts.size)
        self._cache.put(facts)
        return facts

    def put(self, tag: str, manifest: Manifest) -> None:
        """Writes a manifest under a tag, byte for byte; all it names must be in the repository already.

        If no answer comes, the tag tells whether it was written. Raises LoginNeeded, RegistryForbids, RegistryFailed, UnexpectedAnswer,
        RegistryUnreachable; a write that fails leaves the tag as it was.
        """
        url = self._manifest_url(tag)
        try:
            answer = self._call("PUT", url, f"write {tag}", limit=MANIFEST_LIMIT, body=manifest.content, media_type=manifest.media_type)
        except (RegistryUnreachable, RegistryFailed):
            if self._was_written(lambda: self.digest(tag) == manifest.digest):
                return
            raise
        self._require(answer, str(self.repository), hint=self._login_hint())
        named = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if named != manifest.digest:
            raise UnexpectedAnswer(f"{self.repository.host} keeps {tag} as another digest, {named[:80]}", hint=f"helmtool tag check {tag}")

    def _was_written(self, is_there: Callable[[], bool]) -> bool:
        """Whether what got no answer is there all the same; false too if that cannot be found out."""
        try:
            return is_there()
        except HelmtoolError:
            return False

    def in_parallel(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results in their order; the first error ends what is not begun."""
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="registry")
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _blob(self, digest: str) -> bytes:
        answer = self._call("GET", f"{self.repository.url}/blobs/{digest}", "read an image's configuration", limit=BLOB_LIMIT)
        self._require(answer, f"{self.repository}@{digest}")
        return verify(answer.body, digest, f"{self.repository}@{digest}")

    def _manifest_url(self, reference: str) -> str:
        return f"{self.repository.url}/manifests/{reference}"

    def _page(self, answer: Answer) -> list[str]:
        tags = parse_json(answer.body, f"the list of tags of {self.repository}").get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise UnexpectedAnswer(
                f"the list of tags of {self.repository} is none", hint=f"is it a registry? curl -I https://{self.repository.host}/v2/"
            )
        return tags

    def _following(self, url: str, answer: Answer) -> str:
        """The next page, which must be at the same registry: the request carries credentials."""
        link = next_page(answer.headers.get("Link"))
        if not link:
            return ""
        return self._own_address(url, link, "continues its list of tags")

    def _own_address(self, base: str, text: str, does: str) -> str:
        """An address that the registry names, which must be its own: the request carries credentials. Raises UnexpectedAnswer."""
        found = address_within(base, text, self.repository.host)
        if found is None or not urlsplit(found).path.startswith("/v2/"):
            other = urlsplit(joined_address(base, text, self.repository.host))
            elsewhere = other.hostname if found is None else other.path[:80]
            raise UnexpectedAnswer(f"{self.repository.host} {does} at {elsewhere}", hint="tell its operators")
        return found

    def _call(
        self,
        method: str,
        url: str,
        what: str,
        *,
        limit: int,
        accept: str = "",
        body: bytes | None = None,
        media_type: str = "",
        part: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, with as much about who asks as the registry wants. 404 is given back, other refusals raise."""
        actions = PULL if method in READS else PUSH
        fixed = {**({"Accept": accept} if accept else {}), **({"Content-Type": media_type} if media_type else {}), **(part or {})}
        while True:
            header = self._auth.header(actions)
            answer = self._transport.send(method, url, {**fixed, **header}, limit=limit, body=body)
            self._visible = self._visible or answer.status == 200
            refused = answer.status in (401, 403) or (answer.status == 404 and not self._visible)
            if not refused or not self._auth.next_level(actions, header.get("Authorization"), answer):
                break
        doing = f"{what} in {self.repository.path}" if self.repository.path not in what else what
        if answer.status == 401:
            raise LoginNeeded(self.repository.host, doing, self._auth.source)
        if answer.status == 403:
            raise RegistryForbids(self.repository.host, doing, self._auth.source)
        return answer

    def _require(self, answer: Answer, name: str, hint: str = "") -> None:
        if answer.status == 404:
            raise NotFound(self.repository.host, name, self._auth.source, hint)
        if not 200 <= answer.status < 300:
            raise UnexpectedAnswer(f"{self.repository.host} answered {answer.status} for {name}", hint="run it again with -vv")

    def _login_hint(self) -> str:
        return f"compare image.repository: helmtool values ENV --explain; podman login {self.repository.host}"
