"""What a registry says, as data: manifests, digests, pages of tags, challenges, and the rule of its clean-up (OCI specifications)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from helmtool.errors import InvalidInput, Refused, Unreachable
from helmtool.model.tag import InvalidTag, Tag, parse_tag

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

IMAGE_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
SCHEMA_1 = ("application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REFERENCE = "vnd.docker.reference.type"
"""BuildKit's annotation of what describes an image and is none."""
LONGEST_HEADER = 8192
"""Characters of a header that is taken apart: the patterns are quadratic in what they cannot read."""
_PARAMETER = r"""\s*;\s*([^\s=;,<>"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,<>"]+)))?"""
_LINK = re.compile(rf"[\s,]*<([^<>]*)>((?:{_PARAMETER})*)\s*(?:,|\Z)")
"""One link of a header (RFC 8288, section 3): the address and its parameters."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?")
# Nothing was built before there were images: tools that build reproducibly write 1970 or year 1.
_FIRST = datetime(2013, 1, 1, tzinfo=UTC)
# And what calendars end with cannot be counted on from.
_LAST = datetime(9900, 1, 1, tzinfo=UTC)


class InvalidRepository(InvalidInput):
    """image.repository names no repository of a registry."""

    code = "invalid-repository"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"image.repository `{text}` is not HOST/PATH, as in registry.cern.ch/cmsweb/newdqmgui", hint="helmtool values ENV --explain"
        )


class UnexpectedAnswer(Unreachable):
    """A registry answers with something that its protocol does not have."""

    code = "registry-answer"


class WrongDigest(UnexpectedAnswer):
    """The bytes that a registry gives are not those of the digest it names."""

    code = "wrong-digest"

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(
            f"{what}: the registry names {expected} but gives the bytes of {found}",
            hint="run it again; if it stays so, a proxy or the registry damages what it serves: tell its operators",
        )


class SchemaOne(InvalidInput):
    """A manifest of Docker's schema 1, which has no digest that stays the same."""

    code = "schema-one"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is a manifest of schema 1, which today's clusters do not pull", hint="build and push the image anew under another tag"
        )


class NoFreeTag(Refused):
    """Every letter of a day is taken."""

    code = "no-free-tag"

    def __init__(self, day: date) -> None:
        super().__init__(
            f"all 26 tags of {day:%d %B} are taken, HG{day:%d%m}a to HG{day:%d%m}z",
            hint="helmtool tag next --date YYYY-MM-DD for another day",
        )


class Repository(NamedTuple):
    """A repository of a registry: `host` with its port, and the path below it."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def url(self) -> str:
        """Where it is; without TLS only on this machine itself."""
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}/v2/{self.path}"


class Use(NamedTuple):
    """When a digest was pushed and pulled last, and whether a rule makes one of its tags immutable: what Harbor tells, and OCI has not."""

    pushed: datetime | None = None
    pulled: datetime | None = None
    immutable: bool = False

    @property
    def last(self) -> datetime | None:
        """The last use of any kind, if one is known."""
        return max((moment for moment in (self.pushed, self.pulled) if moment), default=None)


class Retention(NamedTuple):
    """The rule of the registry's clean-up; `drops_after_days` without a pull, 0 where no rule is known."""

    keeps_stable: bool = False
    drops_after_days: int = 0

    def drops_on(self, tag: Tag, created: datetime | None, use: Use | None = None) -> date | None:
        """The first day on which the clean-up may take the tag, if nobody pulls it; none where it is spared or nothing is known.

        An immutable tag keeps its image, and with it every tag of that image (Harbor's documentation of immutability rules).

        The days count from the last use; where that is not known from the creation, so the real day may be later.
        """
        use = use or Use()
        begin = use.last or created
        if not self.drops_after_days or begin is None or use.immutable or (tag.stable and self.keeps_stable):
            return None
        return (begin + timedelta(days=self.drops_after_days)).date()


class Facts(NamedTuple):
    """What a digest is; it never changes. `size` is in bytes, compressed, of one platform's image; `created` is not always known."""

    digest: str
    created: datetime | None
    size: int
    platforms: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON has them."""
        created = self.created.strftime("%Y-%m-%dT%H:%M:%SZ") if self.created else None
        return {"digest": self.digest, "created": created, "size": self.size, "platforms": list(self.platforms)}


def facts_from(data: Any, digest: str) -> Facts | None:
    """The facts that were kept as JSON, or nothing where they are not those of this digest."""
    try:
        created = parse_created(data["created"])
        platforms = tuple(str(platform) for platform in data["platforms"])
        return Facts(digest, created, int(data["size"]), platforms) if data["digest"] == digest else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


class Child(NamedTuple):
    """One platform's manifest in an index."""

    digest: str
    platform: str


class Manifest(NamedTuple):
    """A manifest as it was served: `content` is what its digest is made of and is never written anew.

    `children` are the images of an index that name their platform, `unnamed` the digests of those that name none: images or artifacts.
    """

    content: bytes
    media_type: str
    digest: str
    config: str = ""
    size: int = 0
    children: tuple[Child, ...] = ()
    unnamed: tuple[str, ...] = ()


class Challenge(NamedTuple):
    """One way to authenticate that a registry names; the scheme is in small letters."""

    scheme: str
    parameters: Mapping[str, str]


def split_address(text: str, host: str) -> SplitResult:
    """The parts of an address that a registry names; `host` is who names it. Raises UnexpectedAnswer for what is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port, parts.hostname  # each raises ValueError where it is none
    except ValueError:
        raise UnexpectedAnswer(f"{host} sends on to what is no address", hint="tell its operators") from None
    return parts


def joined_address(base: str, text: str, host: str) -> str:
    """The address that a registry names relative to another one. Raises UnexpectedAnswer for what is none."""
    try:
        joined = urljoin(base, text)
    except ValueError:
        joined = text
    return split_address(joined, host).geturl()


def address_within(base: str, text: str, host: str) -> str | None:
    """The address that a registry names relative to `base`, with base's scheme, host and port; None if it is at another server.

    A registry behind a proxy may know another scheme than its clients use, and name the default port. Raises UnexpectedAnswer.
    """
    here, there = urlsplit(base), urlsplit(joined_address(base, text, host))
    if here.hostname != there.hostname or _port(there, here.scheme) != _port(here):
        return None
    return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port (RFC 6454); a default port may be written or not."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, _port(first)) == (second.scheme, second.hostname, _port(second))


def _port(parts: SplitResult, *schemes: str) -> int | None:
    """The port; None for the default of its scheme or of one of the schemes."""
    return None if parts.port in {{"http": 80, "https": 443}.get(scheme) for scheme in (parts.scheme, *schemes)} else parts.port


def is_loopback(host: str) -> bool:
    """Whether the host, with or without a port, is this machine by its address."""
    return _LOOPBACK.fullmatch(host) is not None


def parse_repository(text: str) -> Repository:
    """The repository that `image.repository` names. Raises InvalidRepository; a registry's host is required."""
    host, _, path = text.partition("/")
    if not re.fullmatch(r"([A-Za-z0-9][-.A-Za-z0-9]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?", host) or not re.search(r"[.:]|^localhost$", host):
        raise InvalidRepository(text)
    if not re.fullmatch(r"[a-z0-9]+([-._/]+[a-z0-9]+)*", path) or len(path) > 255:
        raise InvalidRepository(text)
    return Repository(host, path)


def digest_of(content: bytes) -> str:
    """The digest of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether the text is a digest of the one algorithm that registries use."""
    return _DIGEST.fullmatch(text) is not None


def verify(content: bytes, digest: str, what: str) -> bytes:
    """The bytes, if they are those of the digest. Raises WrongDigest."""
    found = digest_of(content)
    if found != digest:
        raise WrongDigest(what, digest, found)
    return content


def parse_manifest(content: bytes, media_type: str, what: str) -> Manifest:
    """Reads an image's manifest or an index, OCI's and Docker's schema 2. Raises SchemaOne and UnexpectedAnswer."""
    data = parse_json(content, what)
    kind = media_type.partition(";")[0].strip()
    if kind in SCHEMA_1 or data.get("schemaVersion") == 1:
        raise SchemaOne(what)
    kind = kind if kind in IMAGE_TYPES + INDEX_TYPES else str(data.get("mediaType") or "")
    try:
        if kind in INDEX_TYPES:
            children = tuple(_children(data["manifests"]))
            named, unnamed = tuple(c for c in children if c.platform), tuple(c.digest for c in children if not c.platform)
            return Manifest(content, kind, digest_of(content), children=named, unnamed=unnamed)
        if kind in IMAGE_TYPES:
            size = sum(int(part["size"]) for part in [data["config"], *data["layers"]])
            return Manifest(content, kind, digest_of(content), config=_digest(data["config"]), size=size)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise UnexpectedAnswer(f"{what}: the manifest lacks what its type promises", hint="push the image anew under another tag") from None
    raise UnexpectedAnswer(f"{what}: neither an image nor an index, but `{kind[:80]}`", hint="helmtool tag list")


def _children(entries: Sequence[Mapping[str, Any]]) -> Iterable[Child]:
    """What may be an image of an index: all but what says that it is an attestation, an SBOM or another artifact."""
    for entry in entries:
        digest, artifact = _digest(entry), bool(entry.get("artifactType") or REFERENCE in (entry.get("annotations") or {}))
        platform = entry.get("platform") or {}
        if not artifact and (not any(platform.values()) or image_platform(platform)):
            yield Child(digest, image_platform(platform))


def image_platform(platform: Mapping[str, Any]) -> str:
    """An image's platform as os/architecture/variant; empty if it is none: an image always has an operating system and an architecture."""
    system, architecture, variant = (str(platform.get(key) or "") for key in ("os", "architecture", "variant"))
    if not system or not architecture or "unknown" in (system, architecture):
        return ""
    return "/".join(filter(None, (system, architecture, variant)))


def chosen_child(children: Sequence[Child]) -> str:
    """The digest of the image that stands for an index: the one of linux/amd64, else the first; empty if there is none."""
    fitting = [child.digest for child in children if child.platform.startswith("linux/amd64")]
    return next(iter([*fitting, *(child.digest for child in children)]), "")


def _digest(descriptor: Mapping[str, Any]) -> str:
    digest = descriptor["digest"]
    if not is_digest(digest):
        raise ValueError
    return str(digest)


def parse_json(content: bytes, what: str) -> dict[str, Any]:
    """An object of JSON. Raises UnexpectedAnswer, which quotes nothing of it."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise UnexpectedAnswer(f"{what}: the answer is no object of JSON", hint="is it a registry? run it again with -vv")
    return data


def parse_created(text: Any) -> datetime | None:
    """When an image was made, in UTC, if its configuration tells: RFC 3339, and not the zero date of reproducible builds."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment.replace(microsecond=0) if _FIRST <= moment < _LAST else None


def next_page(link: str | None) -> str:
    """The address in a `Link: <…>; rel="next"` header (RFC 8288), empty on the last page.

    Raises UnexpectedAnswer for a header that cannot be read: taken for the last page, it would hide tags that are taken.
    """
    position, text = 0, (link or "").rstrip(", \t")
    while position < len(text):
        match = _LINK.match(text, position) if len(text) <= LONGEST_HEADER else None
        relations = [quoted or word for name, quoted, word in re.findall(_PARAMETER, match[2]) if name.lower() == "rel"] if match else []
        if match is None or not relations:  # every link has a relation
            raise UnexpectedAnswer(
                'the registry\'s header Link cannot be read; expected <ADDRESS>; rel="next" (RFC 8288)', hint="tell its operators"
            )
        if "next" in relations[0].lower().split():
            return match[1]
        position = match.end()
    return ""


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """The ways of `WWW-Authenticate` headers (RFC 7235), several of which may stand in one; a header that is too long has none."""
    found: list[tuple[str, dict[str, str]]] = []
    token = re.compile(r"[ ,]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))|([A-Za-z0-9-]+)(?=\s|,|$))")
    for header in [" ".join(header.split()) for header in headers if len(header) <= LONGEST_HEADER]:
        position = 0
        while match := token.match(header, position):
            position = match.end()
            if match[4]:
                found.append((match[4].lower(), {}))
            elif found:
                value = re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
                found[-1][1][match[1].lower()] = value
    return [Challenge(scheme, parameters) for scheme, parameters in found]


def next_tag(day: date, existing: Collection[str]) -> Tag:
    """The first free tag of that day. A letter is taken by its stable twin alone too. Raises NoFreeTag after z."""
    for letter in _LETTERS:
        tag = Tag(day.day, day.month, letter)
        if str(tag) not in existing and str(tag.as_stable()) not in existing:
            return tag
    raise NoFreeTag(day)


def valid_tags(texts: Iterable[str]) -> list[Tag]:
    """Those of the texts that are tags of the grammar."""
    found = []
    for text in texts:
        try:
            found.append(parse_tag(text))
        except InvalidTag:
            continue
    return found


def names_another_day(tag: Tag, created: datetime | None, zone: ZoneInfo) -> bool:
    """Whether the image was made more than a day away from the day that its tag names, in whatever year.

    CMSWEB's older services read the four digits as year and month: only the creation date tells.
    """
    if created is None:
        return False
    near = ((created + timedelta(days=offset)).astimezone(zone) for offset in (-1, 0, 1))
    return (tag.day, tag.month) not in {(moment.day, moment.month) for moment in near}
