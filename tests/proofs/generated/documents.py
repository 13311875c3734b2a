"""Documents of values over the chart's defaults: ones that hold together, and ones with something wrong in them."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import yaml
from rendering_many import CHART
from words import HOSTILE, Schema, Words, is_valid

from helmtool.model.rules import RULES, _Look
from helmtool.operations.compose import STAND_IN

Document = dict[str, Any]
Path = tuple[str | int, ...]
TAGGED = {"image": {"tag": STAND_IN}}
"""A document without a tag is rendered with this one."""


@functools.cache
def schema() -> Schema:
    """The chart's schema, as Helm reads it."""
    loaded: Schema = json.loads((CHART / "values.schema.json").read_text())
    del loaded["properties"]["global"]
    return loaded


@functools.cache
def _defaults() -> Document:
    loaded: Document = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


def defaults() -> Document:
    """The chart's defaults; a copy, for documents are made from its parts and changed."""
    return copy.deepcopy(_defaults())


def merged(below: Document, above: Document) -> Document:
    """Maps merged key by key; a null deletes."""
    both = {name: value for name, value in below.items() if name not in above}
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            both[name] = merged(below[name], value)
        elif value is not None:
            both[name] = value
    return both


def accepted(seed: str, number: int) -> Document:
    """A document that the schema accepts, and whose values go together by the rules between them."""
    chance = Random(f"{seed}/accepted/{number}")
    words = Words(chance, size=chance.random())
    document = words.overlay(schema(), density=chance.choice([0.1, 0.3, 0.6, 1.0]))
    for shape in SHAPES:
        if chance.random() < 0.2:
            document = merged(document, shape(words))
    return _settled(document, chance)


def _short_name(document: Document) -> None:
    """A base that has room for the suffix of a version, which helmtool gives the name of a versioned Secret."""
    secrets = document.get("secrets") or {}
    if secrets.get("mode") == "versioned" and secrets.get("name"):
        secrets["name"] = secrets["name"][:20].strip("-.")


def _settled(document: Document, chance: Random) -> Document:
    """The document without the keys that do not go with others: of two, chance says which is given up."""
    for _ in range(200):
        whole = merged(defaults(), document)
        look = _Look(whole if (whole.get("image") or {}).get("tag") else merged(whole, TAGGED))
        conflict = next((conflict for rule in RULES.values() for conflict in rule(look)), None)
        if conflict is None:
            _short_name(document)
            return {
                name: value
                for name, value in document.items()
                if is_valid(schema()["properties"][name], merged(defaults(), document)[name])
            }
        if conflict.key[0] in ("tolerations", "affinity"):
            _mend(document, conflict.key[:-1])
            continue
        candidates = [path for path in (conflict.key, conflict.other) if path and _at(document, path) is not None]
        remove(document, chance.choice(candidates or [conflict.key[:1]]))
    return {}


def _mend(document: Document, path: Path) -> None:
    """A toleration or an expression with the parts that its operator takes."""
    item = _at(document, path)
    if path[0] == "tolerations":
        item.pop("tolerationSeconds" if item.get("effect") != "NoExecute" else "", None)
        item.pop("value" if item.get("operator") == "Exists" or not item.get("key") else "", None)
        item.update({} if item.get("key") else {"operator": "Exists"})
    elif item["operator"] in ("Exists", "DoesNotExist"):
        item.pop("values", None)
    else:
        item["values"] = (item.get("values") or ["1"])[: 1 if item["operator"] in ("Gt", "Lt") else None]


def _part(*path: str) -> Schema:
    found = schema()
    for name in path:
        found = found["properties"][name]
    return found


def _given(words: Words, *path: str) -> Any:
    """A value of a key that is not empty."""
    for _ in range(50):
        if value := words.value(_part(*path)):
            return value
    return _part(*path)["examples"][-1]


def _keys(words: Words, name: str, *keys: str) -> Document:
    return {key: _given(words, name, key) for key in keys}


def _vault(words: Words) -> Document:
    vault = {key: _given(words, "secrets", "vault", key) for key in ("role", "path", "files")}
    return {"secrets": {"mode": "vault", "data": {}, "vault": vault}, "serviceAccount": _keys(words, "serviceAccount", "name")}


def _inline(words: Words) -> Document:
    return {"secrets": {"mode": "inline", "vault": {"files": []}, **_keys(words, "secrets", "name", "data")}}


def _ingress(words: Words) -> Document:
    return {"ingress": {"enabled": True, **_keys(words, "ingress", "host", "allowedSources")}}


def _account(words: Words) -> Document:
    return {"serviceAccount": {"create": True, **_keys(words, "serviceAccount", "name")}}


def _claims(words: Words) -> Document:
    made: Document = {name: {"createClaim": True, **_keys(words, name, "claimName", "size")} for name in ("logs", "workDir", "cvmfs")}
    made["cvmfs"] |= {"createStorageClass": True, **_keys(words, "cvmfs", "storageClass")}
    return {name: made[name] for name in made if words.chance.random() < 0.7}


def _paths(words: Words) -> Document:
    folder = words.chance.choice(["/home/cmsusr/dqmgui/data", "/data", "/var/log/dqm", words.value(_part("workDir", "path"))])
    return {"workDir": {"path": folder, "claimName": "work"}, "logs": {"mountPath": f"{folder}/logs"[:255], "claimName": "logs"}}


def _peers(words: Words) -> Document:
    return {"networkPolicy": {"enabled": True, **_keys(words, "networkPolicy", "from", "metricsFrom")}}


def _placed(words: Words) -> Document:
    return {name: _given(words, name) for name in ("tolerations", "affinity", "nodeSelector")}


SHAPES: list[Callable[[Words], Document]] = [_vault, _inline, _ingress, _account, _claims, _paths, _peers, _placed]
"""Groups of keys that chance alone rarely sets together."""


def mutated(seed: str, number: int) -> tuple[Document, tuple[str, ...]]:
    """A document with one to three values changed to others, and the keys of those."""
    chance = Random(f"{seed}/mutated/{number}")
    document = accepted(f"{seed}/below", number)
    keys = []
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        path, part = chance.choice(_places()[chance.choice(list(_places()))])
        here = _deepened(document, path, chance)
        value = chance.choice(CHANGES)(part, _at(merged(defaults(), document), here), chance, document)
        put(document, here, value)
        keys.append(str(path[0]))
    return document, tuple(keys)


@functools.cache
def _places() -> dict[str | int, list[tuple[Path, Schema]]]:
    """The keys below each key at the top, and itself."""
    return {name: list(_walk(inner, (name,))) for name, inner in schema()["properties"].items()}


def _walk(part: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
    yield path, part
    for name, inner in part.get("properties", {}).items():
        yield from _walk(inner, (*path, name))
    if "items" in part:
        yield from _walk(part["items"], (*path, 0))
    if isinstance(part.get("additionalProperties"), dict):
        yield from _walk(part["additionalProperties"], (*path, part["propertyNames"]["examples"][0]))


def _deepened(document: Document, path: Path, chance: Random) -> Path:
    """The path, once the lists and maps on it are there; what lies above the changed value is valid."""
    part: Schema = schema()
    for depth, step in enumerate(path[:-1]):
        part = _inner(part, step)
        here, following = path[: depth + 1], path[depth + 1]
        found = _at(merged(defaults(), document), here)
        empty = (
            not found
            or (isinstance(found, list) and not isinstance(following, int))
            or (isinstance(found, dict) and isinstance(following, int))
        )
        if empty or (isinstance(found, dict) and "properties" not in part and following not in found):
            words = Words(chance, 0.3)
            value = words.value(part)
            if isinstance(following, int) and not value:
                value = [words.value(part["items"])]
            put(document, here, value)
        elif isinstance(found, list):
            put(document, here, copy.deepcopy(found))
    return path


def _inner(part: Schema, step: str | int) -> Schema:
    if isinstance(step, int):
        return dict(part["items"])
    if step in part.get("properties", {}):
        return dict(part["properties"][step])
    return dict(part["additionalProperties"])


def _at(document: Any, path: Path) -> Any:
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def put(document: Document, path: Path, value: Any) -> None:
    """Sets a value, with what is missing on the way."""
    here: Any = document
    for depth, step in enumerate(path[:-1]):
        following = path[depth + 1]
        fitting = list if isinstance(following, int) else dict
        inner = here[step] if (isinstance(here, list) and step < len(here)) or (isinstance(here, dict) and step in here) else None
        if not isinstance(inner, fitting):
            inner = fitting()
            _set(here, step, inner)
        here = inner
    _set(here, path[-1], value)


def _set(here: Any, step: str | int, value: Any) -> None:
    if isinstance(here, list) and step == len(here):
        here.append(value)
    else:
        here[step] = value


def remove(document: Document, path: Path) -> None:
    """Takes a key or an item away, where it is there."""
    holder = _at(document, path[:-1])
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    elif isinstance(holder, list) and isinstance(path[-1], int) and path[-1] < len(holder):
        del holder[path[-1]]


def _kind(part: Schema, _old: Any, chance: Random, _document: Document) -> Any:
    """Any kind of value, mostly a wrong one."""
    return chance.choice(
        [None, True, False, 0, 1, -1, 1.5, 2**31, 2**53, "", "a", "1", "true", [], ["a"], {}, {"a": "b"}, [None], [[]], [{}]]
    )


def _edge(part: Schema, old: Any, chance: Random, _document: Document) -> Any:
    """A value just inside or outside of a bound."""
    if part["type"] == "integer":
        low, high = part["minimum"], part["maximum"]
        return chance.choice([low - 1, low, high, high + 1, 0, -low, high * 1000, low + 0.5, str(low)])
    if part["type"] == "array":
        items = old if isinstance(old, list) and old else [Words(chance, 0.3).value(part["items"])]
        return chance.choice([items * 2, [], items * (part["maxItems"] + 1), [*items, Words(chance, 1).value(part["items"])]])
    if part["type"] == "object" and isinstance(part.get("additionalProperties"), dict):
        words = Words(chance, 1)
        many = {f"k{number}": words.value(part["additionalProperties"]) for number in range(part["maxProperties"] + chance.randint(0, 1))}
        return chance.choice([{}, many])
    if part["type"] == "string" and "maxLength" in part:
        return chance.choice("ax1") * (part["maxLength"] + chance.randint(0, 1))
    return _fresh(part, old, chance, _document)


def _near(part: Schema, old: Any, chance: Random, _document: Document) -> Any:
    """A text close to a good one; of a map, its names."""
    if part["type"] == "string":
        text = old if isinstance(old, str) and chance.random() < 0.5 else Words(chance, 0.5).value(part)
        return _spoilt(str(text), chance)
    if part["type"] == "object" and isinstance(part.get("additionalProperties"), dict):
        name = _spoilt(Words(chance, 0.5).text(part["propertyNames"]), chance)
        return {name: Words(chance, 0.5).value(part["additionalProperties"])}
    if part["type"] == "object":
        return {
            **(old if isinstance(old, dict) else {}),
            chance.choice(["unknown", "Enabled", "name ", "port"]): chance.choice([1, "a", {}]),
        }
    return _kind(part, old, chance, _document)


def _spoilt(text: str, chance: Random) -> str:
    at = chance.randint(0, len(text))
    wrong = chance.choice(["", " ", "\n", "-", "_", ".", "/", ":", "A", "é", "0", "*", "{", "'", '"', "\t", "..", "//", "%", "\\"])
    return chance.choice(
        [text[:at] + wrong + text[at:], wrong + text, text + wrong, text[1:], text[:-1], text.upper(), chance.choice(HOSTILE)]
    )


def _fresh(part: Schema, _old: Any, chance: Random, _document: Document) -> Any:
    """Another good value, which may not go with the others."""
    return Words(chance, 0.6).value(part)


def _empty(part: Schema, _old: Any, chance: Random, _document: Document) -> Any:
    return {"string": "", "array": [], "object": {}, "integer": 0, "boolean": chance.random() < 0.5}[part["type"]]


def _other(part: Schema, old: Any, chance: Random, document: Document) -> Any:
    """The value of another key of the same kind: one claim twice, a path inside another, a port twice."""
    whole = merged(defaults(), document)
    same = [
        value
        for path, other in (place for places in _places().values() for place in places)
        if other["type"] == part["type"] and (value := _at(whole, path)) not in (None, old)
    ]
    found = copy.deepcopy(chance.choice(same)) if same else old
    return (
        f"{found}/{chance.choice(['a', 'logs', '..'])}"[:255]
        if isinstance(found, str) and found[:1] == "/" and chance.random() < 0.3
        else found
    )


CHANGES: list[Callable[[Schema, Any, Random, Document], Any]] = [_kind, _edge, _near, _near, _fresh, _fresh, _fresh, _empty, _other]


def smaller(document: Document) -> Iterator[Document]:
    """The document with one part less, the largest parts first."""
    for path in sorted(_all_paths(document, ()), key=len):
        less = copy.deepcopy(document)
        remove(less, path)
        yield less


def _all_paths(value: Any, path: Path) -> Iterator[Path]:
    if path:
        yield path
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _all_paths(inner, (*path, step))


def shrunk(document: Document, fails: Callable[[Document], bool], patience: int = 300) -> Document:
    """The smallest document found by taking parts away that still fails."""
    for _ in range(patience):
        for less in smaller(document):
            if fails(less):
                document = less
                break
        else:
            break
    return document


__all__ = ["accepted", "is_valid", "mutated", "schema", "shrunk"]
