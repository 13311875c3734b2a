"""Files of the checkout: values, environments.yaml, the chart's own files and its schema."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cases import LARGE, Case, codes, in_a_mode
from mutations import change_bytes, change_structure, hostile_value
from sites import Good

PROD, ENVIRONMENTS = "root/values/prod.yaml", "root/values/environments.yaml"
CHART, SCHEMA = "root/charts/newdqmgui/values.yaml", "root/charts/newdqmgui/values.schema.json"
ALL_OPTIONS = (Path(__file__).parents[1] / "chart/all-options.yaml").read_bytes()
CANARY = "cAnArY-of-a-file-91d2"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BOMB = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in b"abcdefghi")
MERGE_BOMB = b"a: &a {x: 1}\n" + b"".join(
    b"%c: &%c {<<: [*%c, *%c, *%c], %c: 1}\n" % (c + 1, c + 1, c, c, c, c) for c in b"abcdefghijklmnopqrst"
)
EXTREMES = (
    BOMB,
    MERGE_BOMB,
    b"a: &a [*a]\n",
    b"a: &a {b: *a}\n",
    b"&a a: *a\n",
    b"? &a [*a]\n: b\n",
    b"a: " + b"[" * 30_000,
    b"a: " + b"{a: " * 20_000,
    b"- " * 50_000,
    b"a: " + b"!" * 5000 + b" x\n",
    b"a: !!python/object/apply:os.system ['touch /tmp/fuzzed']\n",
    b"a: !!binary R0lGODlh\nb: !!timestamp 2001-01-01\nc: !!set {a}\nd: !!omap [a: 1]\n",
    b"%YAML 9.9\n---\na: 1\n",
    b"%TAG ! tag:example.org,2000:\n---\na: !b c\n",
    b"a: 1\n...\nb: 2\n",
    b"k" * 900_000 + b": 1\n",
    b"a: '" + b"\\" * 200_000 + b"'\n",
    b'a: "' + b"\\x1b" * 1000 + b'"\n',
    b"a: |\n" + b"  x\n" * 60_000,
    b"".join(b"k%d: &a%d {}\n" % (n, n) for n in range(15_000)),
    b"a: " + b"9" * 300_000 + b"\n",
    b"a: 1" + b"0" * 5000 + b".5\n",
    b"x" * 1_100_000,
    b"# " + b"c" * 1_000_000 + b"\n",
    b"<<: {a: 1}\n<<: {b: 2}\n",
    b"<<: [1, 2]\n",
    b"a: &\xc3\xa9 1\nb: *\xc3\xa9\n",
)


def values(rng: random.Random, good: Good) -> Case:
    """The values of prod, changed; what PyYAML cannot read must be refused, and what is shown must be what it reads."""
    base = rng.choice((good.files[PROD], good.files["root/values/test4.yaml"], ALL_OPTIONS))
    content = _changed(rng, base)
    command = rng.choice(
        (("values", "prod"), ("values", "prod"), ("values", "prod", "--explain"), ("render", "prod"), ("validate", "prod"))
    )
    if command == ("values", "prod") and rng.random() < 0.6:
        return Case((*command, "-o", "json"), _codes(content), {PROD: content}, names=("values/prod.yaml",), check=_read_alike(content))
    allowed = _codes(content) | ({4} if command[0] in ("render", "validate") and 0 in _codes(content) else set())
    return Case(in_a_mode(rng, *command), frozenset(allowed), {PROD: content}, names=("values/prod.yaml", "values of prod"), memory=LARGE)


def benign(rng: random.Random, good: Good) -> Case:
    """Values that differ in nothing that means anything: they must be read, and mean the same."""
    base = good.files[PROD]
    document = yaml.load(base, LOADER)
    writings: tuple[Callable[[], bytes], ...] = (
        lambda: base + b"# " + rng.randbytes(8).hex().encode() + b"\n",
        lambda: b"\n\n" + base.rstrip(b"\n"),
        lambda: base.replace(b"\n", b"\r\n"),
        lambda: yaml.safe_dump(dict(sorted(document.items(), key=lambda _: rng.random())), sort_keys=False).encode(),
        lambda: yaml.safe_dump(document, default_flow_style=True, width=10_000).encode(),
        lambda: json.dumps(document, indent=rng.choice((None, 1, 4))).encode(),
        lambda: b"---\n" + base,
        lambda: base + b"...\n",
    )
    content = rng.choice(writings)()
    return Case(("values", "prod", "-o", "json"), codes(0), {PROD: content}, check=_read_alike(content))


def secrets_in_values(rng: random.Random, good: Good) -> Case:
    """Values with a secret in them, then broken: it is in no output."""
    document = {"secrets": {"mode": "inline", "data": {"a.keytab": CANARY, "b": "QUFB"}}, "logs": {"claimName": "x"}}
    content = yaml.safe_dump(document).encode()
    at = content.index(CANARY.encode())
    # Only what comes after the secret is changed, so that it stays one where it is.
    end = at + len(CANARY)
    content = content[:end] + b"\n" + change_bytes(rng, content[end + 1 :]) if rng.random() < 0.7 else content
    command = rng.choice(
        (("values", "prod"), ("values", "prod", "--explain"), ("render", "prod"), ("validate", "prod"), ("render", "test4"))
    )
    files = {PROD: content, "root/values/test4.yaml": content}
    return Case(in_a_mode(rng, *command), codes(0, 3, 4), files, canary=CANARY, memory=LARGE)


def environments(rng: random.Random, good: Good) -> Case:
    """environments.yaml, changed."""
    content = _changed(rng, good.files[ENVIRONMENTS])
    command = rng.choice((("env", "list"), ("env", "show", "prod"), ("env", "use", "prod"), ("values", "prod"), ("validate", "prod")))
    names = ("values/environments.yaml", "environment", "values/prod.yaml")
    return Case(in_a_mode(rng, *command), _codes(content), {ENVIRONMENTS: content}, names=names, memory=LARGE)


def schema(rng: random.Random, good: Good) -> Case:
    """The chart's schema, changed: whatever is in it, it is judged and not believed."""
    content = good.files[SCHEMA]
    if rng.random() < 0.5:
        content = _json(change_structure(rng, json.loads(content)))
    elif rng.random() < 0.8:
        content = change_bytes(rng, content)
    else:
        content = rng.choice(
            (b"", b"[]", b"null", b"true", b"1", b"{}", b"[" * 100_000, b'{"$ref": "#"}', b'{"$ref": "#/nowhere"}', b'{"type": 5}')
        )
    content = content.replace(b"http", b"fuzz")  # so that nothing is ever fetched
    return Case(in_a_mode(rng, rng.choice(("render", "validate")), "test4"), codes(0, 3), {SCHEMA: content}, memory=LARGE)


def chart(rng: random.Random, good: Good) -> Case:
    """The chart's own values.yaml and Chart.yaml, changed."""
    name = rng.choice((CHART, "root/charts/newdqmgui/Chart.yaml"))
    content = _changed(rng, good.files[name])
    command = rng.choice((("values", "test4"), ("values", "test4"), ("render", "test4")))
    return Case(in_a_mode(rng, *command), codes(0, 3), {name: content}, memory=LARGE)


def _changed(rng: random.Random, base: bytes) -> bytes:
    chance = rng.random()
    if chance < 0.45:
        return change_bytes(rng, base)
    if chance < 0.9:
        return _yaml(rng, change_structure(rng, yaml.load(base, LOADER)))
    if chance < 0.95:
        return _yaml(rng, hostile_value(rng))
    return rng.choice(EXTREMES) + (base if rng.random() < 0.2 else b"")


def _yaml(rng: random.Random, document: Any) -> bytes:
    """The document as a YAML file, in one of the styles."""
    try:
        text = yaml.safe_dump(
            document, default_flow_style=rng.choice((True, False, None)), allow_unicode=rng.random() < 0.5, sort_keys=False
        )
    except (RecursionError, yaml.YAMLError):
        return _json(document)
    return text.encode("utf-8", "surrogatepass")


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _codes(content: bytes) -> frozenset[int]:
    """What PyYAML cannot read is refused; of the rest, more may be."""
    try:
        document = _loaded(content)
    except (yaml.YAMLError, ValueError, RecursionError):
        return codes(3)
    return codes(0, 3) if isinstance(document, dict) else codes(3)


def _loaded(content: bytes) -> Any:
    """The document as PyYAML reads it; of what would take it for ever, or down, only that it is a document."""
    depth = aliases = 0
    for event in yaml.parse(content, LOADER):
        depth += isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent))
        depth -= isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent))
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > 100 or aliases > 50:
            return {}
    return yaml.load(content, LOADER)


def _read_alike(content: bytes) -> Callable[[int, str, str], str]:
    """What the file says, as another reader of YAML reads it, is in the merged document."""

    def look(code: int, out: str, err: str) -> str:
        try:
            mine = _loaded(content)
        except (yaml.YAMLError, ValueError, RecursionError):
            return "" if code else "read what PyYAML cannot"
        return "" if code else _differs(mine, json.loads(out), "")

    return look


def _differs(mine: Any, shown: Any, path: str) -> str:
    if isinstance(mine, dict) and isinstance(shown, dict):
        # A null deletes, and inline secrets are not shown.
        pairs = [(str(key), value) for key, value in mine.items() if value is not None and f"{path}.{key}" not in (".secrets",)]
        return next((said for key, value in pairs if (said := _differs(value, shown.get(key), f"{path}.{key}"))), "")
    return (
        ""
        if mine == shown or (isinstance(mine, dict) and not any(mine.values()))
        else f"{path} is {shown!r:.80}, PyYAML reads {mine!r:.80}"
    )
