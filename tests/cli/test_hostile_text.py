"""Text of a file or of an API server on a terminal and in a pipe: in every form of output that needs no real cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hostile_text import FALSE_ROW, HOSTILE, in_pipe, on_terminal, require_harmless
from program import Cli, FakeApi

ENVIRONMENTS = "values/environments.yaml"
DESCRIPTION = HOSTILE.replace("\r", "").replace("\u2028", "")
"""One line, as the schema wants it."""


@pytest.fixture
def hostile(cli: Cli) -> Cli:
    """A checkout whose description of an environment and whose annotations of pods are hostile."""
    document = yaml.safe_load((cli.root / ENVIRONMENTS).read_text())
    document["environments"]["test4"]["description"] = DESCRIPTION
    cli.write(ENVIRONMENTS, yaml.safe_dump(document))
    values = yaml.safe_load((cli.root / "values/test4.yaml").read_text())
    cli.write("values/test4.yaml", yaml.safe_dump(values | {"podAnnotations": {"evil": HOSTILE}}))
    return cli


def shown_everywhere(cli: Cli, *arguments: str) -> Mapping[str, Any]:
    """Requires that nothing hostile is shown on a terminal with colours or in a pipe; returns the exit code and the document of -o json."""
    code, seen = on_terminal(cli.root, {**cli.variables, "COLUMNS": "500"}, *arguments)
    require_harmless(seen, terminal=True)
    piped = in_pipe(cli.root, cli.variables, *arguments)
    require_harmless(piped[1], terminal=False)
    script = cli.run(*[argument for argument in arguments if argument != "-vv"], "-o", "json")
    require_harmless(script.out, terminal=False)
    assert code == piped[0] == script.code
    return {"code": code, "document": script.document}


def test_descriptions_and_values(hostile: Cli) -> None:
    listed = shown_everywhere(hostile, "env", "list")["document"]
    assert DESCRIPTION in [environment["description"] for environment in listed], "JSON keeps the value"
    shown_everywhere(hostile, "env", "show", "test4")
    values = shown_everywhere(hostile, "values", "test4", "HG0105a")["document"]
    assert values["podAnnotations"] == {"evil": HOSTILE}
    assert yaml.safe_load(hostile.run("values", "test4", "HG0105a").out)["podAnnotations"] == {"evil": HOSTILE}, "and so does YAML"
    shown_everywhere(hostile, "values", "test4", "HG0105a", "--explain")


def test_renderings_and_diffs(hostile: Cli) -> None:
    shown_everywhere(hostile, "render", "test4", "HG0105a")
    objects = list(yaml.safe_load_all(hostile.run("render", "test4", "HG0105a").out))
    assert HOSTILE in [o["spec"]["template"]["metadata"]["annotations"].get("evil") for o in objects if o["kind"] == "Deployment"]
    shown_everywhere(hostile, "diff", "test4", "HG0105a", "--against", "preprod")


@pytest.mark.parametrize("status", [403, 500])
def test_what_an_api_server_says(hostile: Cli, api: FakeApi, status: int) -> None:
    """The error, and with -vv its traceback and the log."""
    said = f"{HOSTILE}\n{FALSE_ROW}"
    api.answers(status, {"kind": "Status", "apiVersion": "v1", "code": status, "message": said, "reason": said})
    config = hostile.kubeconfig(api.url)
    for arguments in (("status", "test4"), ("-vv", "status", "test4"), ("-vv", "history", "test4")):
        found = shown_everywhere(hostile, *arguments, "--kubeconfig", config)
        assert found["code"] in (1, 5)


def test_a_command_line(hostile: Cli) -> None:
    """What a person pastes comes back in an error."""
    for arguments in (("tag", "check", "--offline", "HG" + HOSTILE), ("values", "no" + HOSTILE), ("no" + HOSTILE,)):
        assert shown_everywhere(hostile, *arguments)["code"] in (2, 3)
