"""Environments: which cluster a name means, and what a release asks for there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from helmtool.errors import InvalidInput, Problem
from helmtool.model.document import Document, Path, dotted
from helmtool.model.environment_row import expand_rows
from helmtool.model.registry import Retention
from helmtool.model.tag import StableTag

_Choice = TypeVar("_Choice", bound=Enum)


class Policy(Enum):
    """What happens where a step of a release cannot be done: it fails, it warns, or the step is not tried."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"


class SecretMode(Enum):
    """Where the service's secret files come from when the values do not say: a Secret that is there, or one that a release makes."""

    EXISTING = "existing"
    VERSIONED = "versioned"


class ClusterIdentity(NamedTuple):
    """How a cluster is recognised: the ending of its name, and the pins that `env pin` records (empty where there is none)."""

    name_ends_with: tuple[str, ...] = ()
    server: str = ""
    ca_fingerprint: str = ""
    kube_system_uid: str = ""

    @property
    def pinned(self) -> bool:
        """Whether anything stronger than the name is known."""
        return bool(self.server or self.ca_fingerprint or self.kube_system_uid)


class Promotion(NamedTuple):
    """From which environment `promote` takes what runs, and how many hours it must have run there without a restart."""

    source: str
    after_hours: int = 24


class Environment(NamedTuple):
    """One environment of values/environments.yaml; `kubeconfig` is text as written there, a leading `~` included.

    `values` names the values file that is used where the environment has none of its own, `row` is the key of the row that it is one of.
    """

    name: str
    namespace: str
    release: str
    description: str = ""
    cluster: ClusterIdentity = ClusterIdentity()
    kubeconfig: str = ""
    embedded: bool = False
    endpoint: str = ""
    protected: bool = False
    stable_tag: StableTag = StableTag.OFF
    resolve: Policy = Policy.REQUIRED
    verify: Policy = Policy.REQUIRED
    prepull: Policy = Policy.WARN
    secrets: SecretMode = SecretMode.EXISTING
    lock_seconds: int = 15
    promotion: Promotion | None = None
    values: str = ""
    row: str = ""


class InvalidEnvironments(InvalidInput):
    """values/environments.yaml says something that cannot be; `problems` holds all of it."""

    code = "invalid-environments"

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            f"{file} does not describe the environments: {count}", problems=problems, hint=f"edit {file}, then: helmtool env list"
        )


class UnknownEnvironment(InvalidInput):
    """A name that values/environments.yaml does not have."""

    code = "unknown-environment"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        close = _closest(name.lower(), known)
        listed = f"values/environments.yaml has {', '.join(known) or 'none'}"
        super().__init__(f"there is no environment `{name}`", hint=f"did you mean {close}? {listed}" if close else listed)
        self.name = name
        self.known = known


def _closest(word: str, known: Iterable[str]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")


def find_environment(name: str, environments: Mapping[str, Environment]) -> Environment:
    """The environment of that name. Raises UnknownEnvironment, with the nearest name that exists."""
    if name not in environments:
        raise UnknownEnvironment(name, tuple(environments))
    return environments[name]


def matches(environment: Environment, cluster_name: str) -> bool:
    """Whether the cluster's name ends as the environment's cluster does.

    Never by what it contains: `…prodsrv-v1.22.9` is the testbed, `…prodsrv` is production.
    """
    return any(cluster_name.endswith(ending) for ending in environment.cluster.name_ends_with if ending)


def matching(environments: Mapping[str, Environment], cluster_name: str) -> list[Environment]:
    """Every environment whose cluster the name may be; more than one means that the file is ambiguous."""
    return [environment for environment in environments.values() if matches(environment, cluster_name)]


def parse_environments(document: Document) -> dict[str, Environment]:
    """The environments of the file, by name, in its order. Raises InvalidEnvironments with all problems at once."""
    rows = expand_rows(document)
    reader = _Reader(rows.document, (), [*rows.problems])
    reader.allow_only("environments", "registry", "chartRepository")
    entries = reader.section("environments")
    environments = {name: _environment(name, entries.section(name), rows.row_of.get(name, "")) for name in entries.data}
    if not entries.data and not reader.problems:
        reader.add("environments", "no environment is described")
    _check_endings(entries, environments)
    _check_promotions(entries, environments)
    _retention(reader)
    _chart_repository(reader)
    if reader.problems:
        # What is wrong with a row is wrong with each of its environments, and is told once.
        raise InvalidEnvironments(document.file, tuple(dict.fromkeys(map(rows.as_written, reader.problems))))
    return environments


def parse_retention(document: Document) -> Retention:
    """The rule of the registry's clean-up, from the key `registry`. Raises InvalidEnvironments."""
    reader = _Reader(document, ())
    retention = _retention(reader)
    if reader.problems:
        raise InvalidEnvironments(document.file, tuple(reader.problems))
    return retention


def parse_chart_repository(document: Document) -> str:
    """Where the chart is published, `oci://HOST/PATH`, from the key `chartRepository`; may be empty. Raises InvalidEnvironments."""
    reader = _Reader(document, ())
    repository = _chart_repository(reader)
    if reader.problems:
        raise InvalidEnvironments(document.file, tuple(reader.problems))
    return repository


def _chart_repository(reader: _Reader) -> str:
    return reader.text("chartRepository", _OCI)


def _retention(reader: _Reader) -> Retention:
    registry = reader.section("registry")
    registry.allow_only("keepsStable", "dropsAfterDays")
    return Retention(registry.flag("keepsStable"), registry.whole("dropsAfterDays", 0, range(3651)))


class _Form(NamedTuple):
    """What a text must look like: the patterns of schemas/environments.schema.yaml, whose examples the tests try here too."""

    pattern: str
    words: str
    longest: int = 300

    def fits(self, text: str) -> bool:
        return len(text) <= self.longest and re.fullmatch(self.pattern, text) is not None


KEYS = (
    *("description", "cluster", "kubeconfig", "embedded", "namespace", "release", "endpoint", "protected"),
    *("stableTag", "policies", "lockSeconds", "secrets", "promotion", "values"),
)
# The name becomes a file's name, so nothing that leads out of the folder may pass.
_NAME = _Form(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "small letters, digits and `-`", 59)
_ENVIRONMENT = _Form(_NAME.pattern, _NAME.words, 59)
_LINE = _Form(r"[^\n]+", "one line of at most 200 characters", 200)
_ENDING = _Form(
    r"[A-Za-z0-9][-._A-Za-z0-9]{3,}", "the end of a cluster's name, at least four characters (`kubectl config get-clusters` shows it)", 253
)
_SERVER = _Form(r"https://([-.A-Za-z0-9]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?", "https://HOST:PORT, without a path or a password")
_FINGERPRINT = _Form(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits")
_UID = _Form(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UID as `kubectl get namespace kube-system -o yaml` shows it")
_FILE = _Form(r"(~/|/)[^\n]+", "a path that starts with ~/ or /", 1024)
_NAMESPACE = _Form(_NAME.pattern, _NAME.words, 63)
_RELEASE = _Form(_NAME.pattern, _NAME.words, 53)
_OCI = _Form(
    r"oci://([A-Za-z0-9][-.A-Za-z0-9]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[a-z0-9]+([-._]+[a-z0-9]+)*)+",
    "oci://HOST/PATH, the folder in which Helm makes a repository with the chart's name",
)
_ENDPOINT = _Form(r"https://[-.a-z0-9]+(:[0-9]{1,5})?/([-._~A-Za-z0-9]+/)*", "an https:// address that ends in `/`")


class _Reader:
    """Reads typed entries out of one map of the document; all readers of a document collect problems in one list."""

    def __init__(self, document: Document, path: Path, problems: list[Problem] | None = None) -> None:
        self.document = document
        self.path = path
        self.problems: list[Problem] = [] if problems is None else problems
        content: Any = document.data
        for part in path:
            content = content.get(part) if isinstance(content, dict) else None
        self.data: dict[str, Any] = content if isinstance(content, dict) else {}

    def add(self, key: str, message: str) -> None:
        """Adds a problem at the key, or where it should stand."""
        path = (*self.path, key)
        place: Path = path
        while place and place not in self.document.positions:
            place = place[:-1]
        position = self.document.positions[place]
        self.problems.append(Problem(message, self.document.file, position.key_line, position.key_column, dotted(path)))

    def allow_only(self, *known: str) -> None:
        for key in self.data:
            if key not in known:
                close = _closest(key, known)
                self.add(key, f"unknown key, did you mean {close}?" if close else f"unknown key, known are {', '.join(known)}")

    def section(self, key: str) -> _Reader:
        if not isinstance(self.data.get(key, {}), dict):
            self.add(key, "expected keys and values")
        return _Reader(self.document, (*self.path, key), self.problems)

    def text(self, key: str, form: _Form, *, required: bool = False) -> str:
        value = self.data.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.add(key, "expected text: put it in quotes")
            value = ""
        elif required and not value:
            self.add(key, "is missing")
        elif value and not form.fits(value):
            self.add(key, f"expected {form.words}")
        return str(value)

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self.add(key, "expected true or false")
        return value is True

    def whole(self, key: str, default: int, allowed: range) -> int:
        value = self.data.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            self.add(key, f"expected a whole number from {allowed[0]} to {allowed[-1]}")
            return default
        return value

    def choice(self, key: str, default: _Choice) -> _Choice:
        """One of the words of the default's Enum."""
        value = self.data.get(key, default.value)
        words = {str(member.value): member for member in type(default)}
        if not isinstance(value, str) or value not in words:
            self.add(key, f"expected one of {', '.join(words)}; a word like off stands in quotes")
            return default
        return words[value]

    def texts(self, key: str, form: _Form) -> tuple[str, ...]:
        value = self.data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) and form.fits(item) for item in value):
            self.add(key, f"expected a list, each item {form.words}")
            return ()
        return tuple(value)


def _environment(name: str, reader: _Reader, row: str) -> Environment:
    if not _NAME.fits(name):
        _Reader(reader.document, reader.path[:-1], reader.problems).add(name, f"the name must be {_NAME.words}")
    reader.allow_only(*KEYS)
    policies = reader.section("policies")
    policies.allow_only("resolve", "verify", "prepull")
    embedded = reader.flag("embedded")
    return Environment(
        name=name,
        description=reader.text("description", _LINE, required=True),
        cluster=_cluster(reader, embedded=embedded),
        kubeconfig=reader.text("kubeconfig", _FILE, required=not embedded),
        embedded=embedded,
        namespace=reader.text("namespace", _NAMESPACE, required=True),
        release=reader.text("release", _RELEASE, required=True),
        endpoint=reader.text("endpoint", _ENDPOINT),
        protected=reader.flag("protected"),
        stable_tag=reader.choice("stableTag", StableTag.OFF),
        resolve=policies.choice("resolve", Policy.REQUIRED),
        verify=policies.choice("verify", Policy.REQUIRED),
        prepull=policies.choice("prepull", Policy.WARN),
        secrets=reader.choice("secrets", SecretMode.EXISTING),
        lock_seconds=reader.whole("lockSeconds", 15, range(1, 301)),
        promotion=_promotion(reader),
        values=reader.text("values", _ENVIRONMENT),
        row=row,
    )


def _promotion(reader: _Reader) -> Promotion | None:
    promotion = reader.section("promotion")
    promotion.allow_only("from", "afterHours")
    if not promotion.data:
        return None
    return Promotion(promotion.text("from", _ENVIRONMENT, required=True), promotion.whole("afterHours", 24, range(8761)))


def _check_promotions(entries: _Reader, environments: Mapping[str, Environment]) -> None:
    """What is promoted comes from another environment of the file."""
    for environment in environments.values():
        source = environment.promotion.source if environment.promotion else ""
        if source and (source == environment.name or source not in environments):
            others = ", ".join(name for name in environments if name != environment.name)
            section = _Reader(entries.document, ("environments", environment.name, "promotion"), entries.problems)
            section.add("from", f"expected another environment of this file: {others}")


def _cluster(reader: _Reader, *, embedded: bool) -> ClusterIdentity:
    if embedded:
        for key in ("cluster", "kubeconfig"):
            if key in reader.data:
                reader.add(key, "an embedded environment brings its own cluster: remove this, or `embedded`")
        return ClusterIdentity()
    cluster = reader.section("cluster")
    cluster.allow_only("nameEndsWith", "server", "caFingerprint", "kubeSystemUid")
    identity = ClusterIdentity(
        cluster.texts("nameEndsWith", _ENDING),
        cluster.text("server", _SERVER),
        cluster.text("caFingerprint", _FINGERPRINT),
        cluster.text("kubeSystemUid", _UID),
    )
    if not cluster.data.get("nameEndsWith"):
        cluster.add("nameEndsWith", "is missing: the ending of the cluster's name, as `kubectl config get-clusters` shows it")
    return identity


def _check_endings(entries: _Reader, environments: Mapping[str, Environment]) -> None:
    """No cluster's name may be two environments: an ending must not end in another environment's ending."""
    for environment in environments.values():
        for ending in environment.cluster.name_ends_with:
            for other in matching(environments, ending):
                if other.name != environment.name:
                    message = f"a cluster `{ending}` would also be {other.name}: use endings that tell them apart"
                    _Reader(entries.document, ("environments", environment.name), entries.problems).add("cluster", message)
