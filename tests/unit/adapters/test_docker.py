"""Docker's words: what is shown of them, and which error they are."""

from __future__ import annotations

import pytest

from helmtool.adapters.docker import LAST_LINES, Lines
from helmtool.adapters.docker_errors import DockerUnreachable, push_error

SECRET_PAGE = "CLI secret"


def test_lines_are_handed_on_without_what_a_terminal_obeys() -> None:
    seen: list[str] = []
    lines = Lines(seen.append)
    for line in ("Step 1/3 : FROM x\r", "\x1b[31mred\x1b[0m", "10 %\r20 %\r30 %", "", "\x07\x1b]0;title", "façade ✓"):
        lines(line)
    assert seen == ["Step 1/3 : FROM x", "red", "30 %", "]0;title", "façade ✓"]
    for number in range(100):
        lines(str(number))
    assert [problem.message for problem in lines.problems] == [str(number) for number in range(100 - LAST_LINES, 100)]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        ("denied: requested access to the resource is denied", "registry-login", 5),
        ("unauthorized: authentication required", "registry-login", 5),
        ("no basic auth credentials", "registry-login", 5),
        ('error parsing HTTP 403 response body: unexpected end of JSON input: ""', "registry-login", 5),
        ("error from registry: insufficient_scope: authorization failed", "registry-login", 5),
        ("received unexpected HTTP status: 503 Service Unavailable", "registry-failed", 5),
        ("received unexpected HTTP status: 500 Internal Server Error", "registry-failed", 5),
        ('Get "https://r/v2/": dial tcp: lookup r: no such host', "registry-unreachable", 5),
        ('Put "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', "registry-unreachable", 5),
        ("x509: certificate signed by unknown authority", "registry-unreachable", 5),
        ("unknown: Failed to process request due to 'newdqmgui:HG0105a' configured as immutable.", "tag-taken", 4),
        ("something new", "docker-failed", 1),
    ],
)
def test_a_push_that_fails(words: str, code: str, exit_code: int) -> None:
    error = push_error("registry.cern.ch", "registry.cern.ch/a:HG0105a", 1, words, ())
    assert (error.code, error.exit_code) == (code, exit_code)
    assert error.hint
    assert (SECRET_PAGE in error.hint) == (code == "registry-login")


def test_a_daemon_that_one_may_not_ask() -> None:
    assert "usermod" in DockerUnreachable("permission denied while trying to connect").hint
    assert "usermod" not in DockerUnreachable("Cannot connect to the Docker daemon").hint
