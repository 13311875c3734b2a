"""What sops writes around a secret, as far as it is in the clear: the form, the key groups, and what it left unencrypted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from helmtool.errors import InvalidInput
from helmtool.model.extent import require_bounded
from helmtool.model.key_groups import KeyGroups, read_key_groups, unflatten

CIPHER = "ENC[AES256_GCM,"
UNENCRYPTED_SUFFIX = "_unencrypted"
"""sops leaves the values of keys that end so as they are, unless told otherwise."""
LARGEST_INTEGER = 2**63
_DOTENV, _INI, _YAML = (re.compile(p, re.MULTILINE) for p in (r"^sops_(?:version|mac|lastmodified)=", r"^\[sops\]\s*$", r"^sops:\s*$"))


class Form(StrEnum):
    """The types of sops' `--input-type`."""

    BINARY = "binary"
    JSON = "json"
    YAML = "yaml"
    DOTENV = "dotenv"
    INI = "ini"


class NotEncrypted(InvalidInput):
    """A file that should be encrypted and is not."""

    code = "not-encrypted"


class Damaged(InvalidInput):
    """A file of sops that is not whole, or was changed by hand."""

    code = "secret-damaged"

    def __init__(self, message: str, *, hint: str = "", line: int = 0, column: int = 0) -> None:
        """`line` and `column` are where, if that is known, else 0."""
        super().__init__(message, hint=hint)
        self.line, self.column = line, column


class Envelope(NamedTuple):
    """The form of an encrypted file, whom it is for, and whether any value in it is in the clear."""

    form: Form
    key_groups: KeyGroups
    partly_clear: bool

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every recipient of every kind, as it is shown."""
        return tuple(map(str, self.key_groups.recipients))


def read_envelope(content: bytes, key: str) -> Envelope:
    """What an encrypted file says of itself; `key` is its name without `.encrypted`.

    Raises NotEncrypted and Damaged, which quote nothing of it: what is not encrypted may be the secret.
    """
    text = content.decode(errors="replace")
    if text.lstrip().startswith("{"):
        return _json_envelope(text, key)
    for form, sign in ((Form.DOTENV, _DOTENV), (Form.INI, _INI), (Form.YAML, _YAML)):
        if sign.search(text):
            return _yaml_envelope(text) if form is Form.YAML else _lines_envelope(text, form)
    if CIPHER in text:
        raise Damaged("not whole: the part that sops keeps for itself is missing", hint="git log FILE; restore it from git")
    raise NotEncrypted("not encrypted, though its name ends in .encrypted", hint="helmtool secrets encrypt FILE")


def _json_envelope(text: str, key: str) -> Envelope:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        if CIPHER not in text:
            raise NotEncrypted("not encrypted, though its name ends in .encrypted", hint="helmtool secrets encrypt FILE") from None
        raise Damaged("not whole: it is no JSON document any more", hint="git log FILE; restore it from git") from None
    if not isinstance(document.get("sops"), dict):
        if CIPHER in text:
            raise Damaged("not whole: the part that sops keeps for itself is missing", hint="git log FILE; restore it from git")
        raise NotEncrypted("not encrypted, though its name ends in .encrypted", hint="helmtool secrets encrypt FILE")
    values = {name: value for name, value in document.items() if name != "sops"}
    binary = set(values) == {"data"} and isinstance(values["data"], str) and not key.lower().endswith(".json")
    groups = read_key_groups(document["sops"])
    return Envelope(Form.BINARY if binary else Form.JSON, groups, any(_clear(leaf) for leaf in _leaves(values)))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _clear(leaf: Any) -> bool:
    """Whether it says something: sops leaves empty texts and nulls as they are."""
    return leaf not in (None, "") and not str(leaf).startswith(CIPHER)


def _yaml_envelope(text: str) -> Envelope:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        require_bounded(text.encode(errors="replace"), loader)
        documents = list(yaml.load_all(text, Loader=loader))
        metadata = [d["sops"] for d in documents if isinstance(d, dict) and isinstance(d.get("sops"), dict)]
        trees = [{k: v for k, v in d.items() if k != "sops"} if isinstance(d, dict) else d for d in documents]
        groups = read_key_groups(metadata[0] if metadata else {})
        return Envelope(Form.YAML, groups, any(_clear(leaf) for leaf in _leaves(trees)))
    except (yaml.YAMLError, ValueError, RecursionError):  # a list may hold itself
        raise Damaged("not whole: it is no YAML document any more", hint="git log FILE; restore it from git") from None


def _lines_envelope(text: str, form: Form) -> Envelope:
    """Of a dotenv or INI file, whose metadata is in lines of its own."""
    if form is Form.INI:
        content, _, own = text.partition("[sops]")
        lines, metadata = content.splitlines(), own.splitlines()
    else:
        lines = [line for line in text.splitlines() if line[:5] != "sops_"]
        metadata = [line[5:] for line in text.splitlines() if line[:5] == "sops_"]
    values = [line.split("=", 1)[1].strip() for line in lines if "=" in line and line.lstrip()[:1] not in ("#", ";")]
    pairs = [(name.strip(), value.strip().strip('`"')) for name, sign, value in (line.partition("=") for line in metadata) if sign]
    return Envelope(form, read_key_groups(unflatten(pairs)), any(_clear(value) for value in values))


def form_for(plain: bytes, key: str) -> Form:
    """The form in which a file is encrypted: binary, which keeps every byte; `.json` as JSON, as the old scripts read it.

    JSON keeps the data and not the spaces. What it would change or leave in the clear is written as binary too. Raises
    InvalidInput for a `.json` file that is no JSON: read again, nothing could tell it from one whose only key is `data`.
    """
    if not key.lower().endswith(".json"):
        return Form.BINARY
    try:
        text = plain.decode()
        document = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except _NotKept:
        return Form.BINARY
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{key}:{error.lineno}:{error.colno}: the file is named .json and is not JSON", hint="mend or rename it"
        ) from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{key}: the file is named .json and is not JSON in UTF-8", hint="mend or rename it") from None
    return Form.JSON if isinstance(document, dict) and _kept(document) else Form.BINARY


class _NotKept(Exception):
    """JSON that two readers read differently."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise _NotKept
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _kept(document: dict[str, Any]) -> bool:
    """Whether sops' JSON gives the same data back, all of it encrypted."""
    if not document or "sops" in document or (set(document) == {"data"} and looks_like_json(document["data"])):
        return False
    return all(_name_kept(name) for name in _names(document)) and all(_leaf_kept(leaf) for leaf in _leaves(document))


def looks_like_json(value: Any) -> bool:
    """Whether a text is itself a JSON document: then a `.json` file was encrypted as binary."""
    try:
        return isinstance(value, str) and isinstance(json.loads(value), (dict, list))
    except (ValueError, RecursionError):
        return False


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(inner)


def _name_kept(name: str) -> bool:
    return not name.endswith(UNENCRYPTED_SUFFIX) and _is_text(name)


def _leaf_kept(leaf: Any) -> bool:
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        return -LARGEST_INTEGER <= leaf < LARGEST_INTEGER
    return not isinstance(leaf, float) and (not isinstance(leaf, str) or _is_text(leaf))


def _is_text(value: str) -> bool:
    """Whether it is Unicode: Go puts a question mark for half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
