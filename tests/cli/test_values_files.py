"""Files of values, of environments and of the chart that are wrong: each mistake with its place, and nothing reaches the cluster."""

from __future__ import annotations

import random
import re
import shutil
import time
from pathlib import Path

import pytest
from program import Cli, FakeApi, Inside

PROD, ENVIRONMENTS, CHART = "values/prod.yaml", "values/environments.yaml", "charts/newdqmgui"

# The content of a file, the place of its mistake, and what is said of it.
SYNTAX = [
    (b"a: 1\na: 2\n", "2:1", "the key stands here twice, first at line 1"),
    (b"a:\n\tb: c\n", "2:1", "a tab indents this line"),
    (b"a: &a\n  b: *a\n", "2:6", "the anchor &a contains itself"),
    (b"a: &a [&b [*a], *b]\n", "1:", "contains itself"),
    (b"a: \xff\xfe\n", "1:4", "is not UTF-8"),
    (b"\xff\xfea\x00:\x00", "1:1", "is not UTF-8"),
    (b"", "1:1", "the file is empty"),
    (b"# nothing but words\n", "1:1", "the file is empty"),
    (b"- a\n- b\n", "1:1", "expected keys and values at the top, found"),
    (b"just words\n", "1:1", "expected keys and values at the top, found"),
    (b"a: [1, 2\n", "2:1", ""),
    (b"a: b: c\n", "1:", ""),
    (b"a: 'b\n", "", ""),
    (b"a: *nowhere\n", "1:4", ""),
    (b"a: no\n", "1:4", "`no` without quotes is false to Helm"),
    (b"a: y\n", "1:4", "`y` without quotes is true to Helm"),
    (b"y: 1\n", "1:1", "`y`"),
    (b"a: 0x1F\nb: 1_000\n", "", ""),
    (b"a: !!python/object:os.system {}\n", "1:4", ""),
    (b"a: 1\n---\na: 2\n", "2:1", ""),
    (b"a: \x07\n", "1:4", "control character U+0007"),
    (b"? [a]\n: b\n", "1:", ""),
    (b"a: " + b"[" * 5000, "1:", ""),
    (
        b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in b"abcdef"),
        "",
        "",
    ),
]
IDS = [str(number) for number in range(len(SYNTAX))]


@pytest.mark.parametrize(("content", "place", "said"), SYNTAX, ids=IDS)
@pytest.mark.parametrize("file", [PROD, ENVIRONMENTS])
def test_yaml_that_helm_would_not_read_or_misread(inside: Inside, file: str, content: bytes, place: str, said: str) -> None:
    inside.write(file, content)
    for command in (["validate", "prod"], ["values", "prod"], ["render", "prod", "HG0105a-stable"]):
        error = inside.fails(*command, code=3, says=[f"{file}:{place}", said])
        assert file in error["hint"]
        for problem in error["problems"]:
            assert (problem["file"], problem["line"] > 0, problem["column"] > 0) == (file, True, True)


@pytest.mark.parametrize("file", ["values/test4.yaml", ENVIRONMENTS])
def test_nothing_reaches_the_cluster(cli: Cli, api: FakeApi, file: str) -> None:
    kubeconfig = cli.kubeconfig(api.url)
    cli.write(file, b"environment: test4\nenvironment: no\n")
    for command in (["release", "test4", "HG0105a"], ["diff", "test4", "HG0105a", "--against", "local"]):
        error = cli.fails("--kubeconfig", kubeconfig, *command, code=3, says=[f"{file}:2:1", f"{file}:2:14"])
        assert len(error["problems"]) == 2
    assert api.asked == []


VALUES = [
    ("logs:\n  claimNam: x\n", "2:3", "logs.claimNam", "did you mean claimName?"),
    ("imgae: {}\n", "1:1", "imgae", "did you mean image?"),
    ("logs: 5\n", "1:7", "logs", "expected object, found integer"),
    ("service:\n  port: '80'\n", "2:9", "service.port", "expected integer, found string: write it without quotes"),
    ("service:\n  port: 99999\n", "2:9", "service.port", "at most"),
    ("service: {port: 0}\n", "1:17", "service.port", "at least"),
    ("strategy: recreate\n", "1:11", "strategy", "did you mean Recreate?"),
    ("resources:\n  limits: {cpu: -1}\n", "2:17", "resources.limits.cpu", "expected string, found integer"),
    ("ingress: {allowedSources: [10.0.0.0/99]}\n", "1:28", "ingress.allowedSources[0]", "does not have the form"),
    ("logs: null\n", "1:7", "logs", "null here deletes it"),
]


@pytest.mark.parametrize(("content", "place", "path", "said"), VALUES, ids=[case[2] for case in VALUES])
def test_values_that_break_the_schema(inside: Inside, content: str, place: str, path: str, said: str) -> None:
    inside.write(PROD, content)
    for command in (["validate", "prod"], ["render", "prod", "HG0105a-stable"]):
        error = inside.fails(*command, code=3, says=[f"{PROD}:{place}: {path}: ", said])
        problem = next(problem for problem in error["problems"] if problem["path"] == path)
        assert (problem["file"], f"{problem['line']}:{problem['column']}") == (PROD, place)
        assert error["hint"] == f"edit {PROD}, then: helmtool validate prod"


def test_all_problems_are_listed_at_once(cli: Cli, api: FakeApi) -> None:
    cli.write("values/test4.yaml", "".join(VALUES[number][0] for number in (0, 1, 3, 6, 7, 8)))
    error = cli.fails("--kubeconfig", cli.kubeconfig(api.url), "release", "test4", "HG0105a", code=3, says=["values/test4.yaml:"])
    assert len(error["problems"]) == 6
    assert [problem["line"] for problem in error["problems"]] == sorted(problem["line"] for problem in error["problems"])
    assert api.asked == []


RULES = [
    ("ingress: {enabled: true, allowedSources: [10.0.0.0/8], host: ''}\n", "ingress.enabled", "ingress.host"),
    ("secrets: {mode: vault, vault: {files: [a]}}\n", "secrets.mode", "serviceAccount.name"),
    ("secrets: {mode: vault}\nserviceAccount: {name: a}\n", "secrets.mode", "secrets.vault.files"),
    ("serviceAccount: {create: true}\n", "serviceAccount.create", "serviceAccount.name"),
    ("logs: {claimName: a}\ncvmfs: {claimName: a}\n", "cvmfs.claimName", "logs.claimName"),
    ("networkPolicy: {from: []}\n", "networkPolicy.enabled", "networkPolicy.from"),
    ("service: {port: 18889}\n", "service.port", "metrics.port"),
]


@pytest.mark.parametrize(("content", "one", "other"), RULES, ids=[f"{case[1]} {case[2]}" for case in RULES])
def test_combinations_that_cannot_work_name_both_keys(inside: Inside, content: str, one: str, other: str) -> None:
    inside.write(PROD, content)
    inside.fails("validate", "prod", code=3, says=[one, other, f"{PROD}:"])
    inside.fails("render", "prod", "HG0105a-stable", code=3, says=[one, other])


def test_what_a_guard_refuses_does_not_hide_the_other_environments(inside: Inside) -> None:
    inside.write(PROD, "secrets: {mode: inline, data: {a.keytab: QUFBQQ==}}\n")
    inside.fails("validate", "prod", code=4, says=["secrets.mode"])
    inside.write("values/test4.yaml", "imgae: {}\n")
    error = inside.fails("validate", code=3, says=["prod", "test4", "imgae"])
    assert len(error["problems"]) == 2


ENTRY = """environments:
  prod:
    description: d
    cluster: {nameEndsWith: [prodsrv]}
    kubeconfig: ~/a
    namespace: dqm
    release: r
"""
ENTRIES = [
    (ENTRY.replace("namespace:", "namspace:"), ["6:5", "did you mean namespace?"]),
    (ENTRY.replace("namespace: dqm", "namespace: DQM"), ["6:5", "environments.prod.namespace"]),
    (ENTRY + "    protected: 'yes'\n", ["8:5", "expected true or false"]),
    (ENTRY + "    stableTag: off\n", ["8:16", "`off` without quotes"]),
    (ENTRY + "    stableTag: sometimes\n", ["8:5", "expected one of off, require, add"]),
    (ENTRY + "    policies: {verify: never}\n", ["8:16", "expected one of required, warn, off"]),
    (ENTRY + "    policies: []\n", ["8:5", "expected keys and values"]),
    (ENTRY + "    embedded: true\n", ["environments.prod.cluster", "brings its own cluster"]),
    (ENTRY.replace("[prodsrv]", "[srv]"), ["4:15", "at least four characters"]),
    (ENTRY.replace("  prod:", "  ../prod:"), ["2:3", "the name must be"]),
    (ENTRY + ENTRY.replace("environments:\n  prod:", "  twin:").replace("[prodsrv]", "[cms-prodsrv]"), ["would also be prod"]),
    ("environments: {}\n", ["1:1", "no environment is described"]),
    ("environment: {}\n", ["1:1", "did you mean environments?"]),
    ("environments:\n  prod: 5\n", ["2:3", "expected keys and values"]),
    (ENTRY.replace("description: d", "description: 5").replace("~/a", "a"), ["3:5", "5:5"]),
]


@pytest.mark.parametrize(("content", "said"), ENTRIES, ids=[str(number) for number in range(len(ENTRIES))])
def test_environments_that_cannot_be(inside: Inside, content: str, said: list[str]) -> None:
    inside.write(ENVIRONMENTS, content)
    for command in (["env", "list"], ["validate", "prod"], ["release", "prod", "HG0105a-stable"], ["status"]):
        assert inside.fails(*command, code=3, says=said)["hint"].startswith(f"edit {ENVIRONMENTS}")


@pytest.mark.parametrize(
    "command", [["render"], ["validate"], ["values"], ["env", "show"], ["env", "use"], ["status"], ["history"], ["diff"]]
)
def test_an_unknown_environment(inside: Inside, command: list[str]) -> None:
    error = inside.fails(*command, "prud", code=3, says=["prud", "did you mean prod?", "test4, preprod, prod, local"])
    assert error["code"] == "unknown-environment"


def test_an_unknown_environment_to_release_to(cli: Cli) -> None:
    cli.fails("release", "prodd", "HG0105a", code=3, says=["did you mean prod?"])
    cli.fails("rollback", "prodd", code=3, says=["did you mean prod?"])
    cli.fails("diff", "prod", "--against", "tset4", code=3, says=["did you mean test4?"])


SETS = [
    ("image", "a key without a value"),
    ("=a", "a key is missing"),
    ("a[x]=1", "a list index is a number"),
    ("a={b", "the list does not end"),
    ("a=99999999999999999999", "beyond"),
    ("imgae=5", "did you mean image?"),
    ("logs=3", "expected object, found integer"),
    ("service.port=0", "at least"),
    ("ingress.enabled=true,ingress.host=", "ingress.host"),
    ("environment[0]=a", "environment"),
]


@pytest.mark.parametrize(("text", "said"), SETS, ids=[case[0] for case in SETS])
def test_a_wrong_set(inside: Inside, text: str, said: str) -> None:
    error = inside.fails("render", "prod", "HG0105a-stable", "--set", text, code=3, says=["--set", said])
    assert PROD not in error["hint"]


def test_a_secret_is_in_no_error(inside: Inside) -> None:
    for text in ("secrets.data.token={s3cr3t", "secrets.data=s3cr3t", "secrets.data.a/b=s3cr3t", "secrets.name=s3cr3t,secrets.mode=s3cr3t"):
        for command in (["render", "prod", "HG0105a-stable"], ["values", "prod"]):
            for output in ("text", "json"):
                found = inside.run(*command, "--set", text, "-o", output)
                assert "s3cr3t" not in (found.out + found.err).replace("name: s3cr3t", "").replace('"name": "s3cr3t"', "").replace(
                    "mode: s3cr3t", ""
                ).replace('"mode": "s3cr3t"', "")


def test_files_that_are_missing_or_folders(inside: Inside) -> None:
    root = inside.root
    for file, command in ((PROD, "validate"), (f"{CHART}/values.yaml", "validate"), (f"{CHART}/values.schema.json", "validate")):
        kept = (root / file).read_bytes()
        (root / file).unlink()
        inside.fails(command, "prod", code=3, says=[file, "No such file"])
        (root / file).mkdir()
        inside.fails(command, "prod", code=3, says=[file, "Is a directory"])
        (root / file).rmdir()
        (root / file).write_bytes(kept)
    inside.run("validate", "prod")


@pytest.mark.parametrize("file", [ENVIRONMENTS, f"{CHART}/Chart.yaml"])
def test_half_a_checkout_says_which_half_is_missing(inside: Inside, file: str) -> None:
    (inside.root / file).unlink()
    assert inside.fails("validate", code=3, says=[f"{file} is missing", "--config-dir"])["code"] == "project-not-found"
    (inside.root / file).mkdir()
    inside.fails("validate", code=3, says=[f"{file} is a folder, not a file"])


def test_no_checkout_at_all(inside: Inside, tmp_path: Path) -> None:
    inside.fails("validate", code=3, says=["or above it", "--config-dir DIR"], cwd=tmp_path)
    inside.fails("--config-dir", "/nosuch", "validate", code=3, says=["/nosuch", "--config-dir DIR"])


SCHEMAS = [
    ("{", "values.schema.json:1:2"),
    ("[]", "values.schema.json"),
    ('{"type": "objekt"}', "values.schema.json"),
    ('{"properties": 7}', "values.schema.json"),
    ("", "values.schema.json:1:1"),
]


@pytest.mark.parametrize(("content", "said"), SCHEMAS)
def test_a_broken_schema(inside: Inside, content: str, said: str) -> None:
    inside.write(f"{CHART}/values.schema.json", content)
    assert inside.fails("validate", "prod", code=3, says=[said])["hint"] == "make schemas"


def test_a_broken_chart(inside: Inside) -> None:
    inside.write(f"{CHART}/Chart.yaml", "name: [\n")
    inside.fails("validate", "prod", code=3, says=[f"{CHART}/Chart.yaml:2:1"])
    inside.write(f"{CHART}/Chart.yaml", "name: newdqmgui\n")
    inside.fails("validate", "prod", code=3, says=["chart.metadata.version"])
    shutil.rmtree(inside.root / CHART / "templates")
    inside.write(f"{CHART}/templates/a.yaml", "{{ .Values.a")
    inside.fails("validate", "prod", code=3)


def _mutated(text: bytes, chance: random.Random) -> bytes:
    """The file after a few slips: bytes changed, lines moved, parts doubled or gone, signs of YAML put in."""
    lines = bytearray(text)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines) + 1)
        kind = chance.randrange(5)
        if kind == 0 and lines:
            lines[at % len(lines)] = chance.randrange(256)
        elif kind == 1:
            lines[at:at] = chance.choice(
                [b"\t", b": ", b"- ", b"&a ", b"*a", b"{", b"[", b"'", b'"', b"|\n", b"<<: ", b"\r", b"%", b"!!set ", b"\n---\n"]
            )
        elif kind == 2:
            del lines[at : at + chance.randint(1, 12)]
        elif kind == 3:
            lines[at:at] = lines[: chance.randint(0, 40)]
        else:
            lines[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
    return bytes(lines)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_bytes_in_a_file_make_more_than_an_error(inside: Inside, seed: int) -> None:
    chance, until, codes = random.Random(seed), time.monotonic() + 4, set()
    texts = [(inside.root / file).read_bytes() for file in (PROD, "values/preprod.yaml", ENVIRONMENTS)]
    for _ in range(150):
        file = chance.choice([PROD, PROD, ENVIRONMENTS])
        content = _mutated(chance.choice(texts), chance) if chance.random() < 0.9 else chance.randbytes(chance.randint(0, 200))
        inside.write(PROD, texts[0])
        inside.write(ENVIRONMENTS, texts[2])
        inside.write(file, content)
        ran = inside.run("values", "prod", "--explain", "-o", "json")
        assert ran.code in (0, 3, 4), (content, ran)
        assert ran.document is not None
        if ran.code == 0:
            checked = inside.run("validate", "prod")
            assert checked.code in (0, 3, 4), (content, checked)
        codes.add(ran.code)
        if time.monotonic() > until:
            break
    assert codes >= {0, 3} or codes == {3}


@pytest.mark.parametrize("name", ["service.yaml.bak", "#service.yaml#", "service.yaml.rej", "service (copy).yaml", "service.yaml.20260105"])
def test_an_editors_backup_among_the_templates(inside: Inside, name: str) -> None:
    shutil.copy(inside.root / CHART / "templates/service.yaml", inside.root / CHART / "templates" / name)
    for command in (["validate", "prod"], ["render", "prod", "HG0105a-stable"], ["diff", "prod", "--against", "preprod"]):
        error = inside.fails(*command, code=3, says=["Service/newdqmgui more than once", "templates/service.yaml", f"templates/{name}"])
        assert [problem["path"] for problem in error["problems"]] == ["Service/newdqmgui"]


@pytest.mark.parametrize("name", [".service.yaml.swp", "service.yaml~", "service.yaml.orig", "_service.yaml", ".#service.yaml"])
def test_a_backup_that_helm_does_not_render(inside: Inside, name: str) -> None:
    shutil.copy(inside.root / CHART / "templates/service.yaml", inside.root / CHART / "templates" / name)
    assert inside.run("validate", "prod").code == 0


def test_what_is_shown_has_no_escape_sequences(inside: Inside) -> None:
    inside.write(PROD, b'"\\e[31mred": 1\nstrategy: "\\e[31m"\n')
    error = inside.fails("validate", "prod", code=3)
    assert not re.search("\x1b", inside.run("validate", "prod").err), error
