"""The program as a process of its own in a copy of the checkout, and what every error of it must be."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from helmtool.errors import Problem

PROGRAM = (sys.executable, "-m", "helmtool")
PATIENCE = 40.0
TRACES = ("Traceback", "Exception ignored", "a mistake in helmtool", "ERROR:root")


@dataclass(frozen=True)
class Ran:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one document on stdout; anything else beside it fails the test."""
        return json.loads(self.out)

    def without_traces(self) -> Ran:
        """Itself, after a look for tracebacks."""
        assert not [trace for trace in TRACES if trace in self.out + self.err], self.err
        return self


@dataclass(frozen=True)
class Cli:
    """Runs the program in `root`; nothing of the caller's environment reaches it but what is named here."""

    root: Path
    home: Path
    variables: Mapping[str, str]

    def run(self, *arguments: str, env: Mapping[str, str | None] | None = None, cwd: Path | None = None, **more: Any) -> Ran:
        """Runs one command line to its end; `env` adds variables, or removes those that are None."""
        variables = {k: v for k, v in {**self.variables, **(env or {})}.items() if v is not None}
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=cwd or self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            **more,
        )
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")).without_traces()

    def shell(self, script: str, env: Mapping[str, str | None] | None = None) -> Ran:
        """Runs a line of shell, where `$H` is the program; for what only a shell can do to its streams."""
        variables = {k: v for k, v in {**self.variables, "H": " ".join(PROGRAM), **(env or {})}.items() if v is not None}
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")).without_traces()

    def fails(self, *arguments: str, code: int, says: Sequence[str] = (), hint: bool = True, **more: Any) -> dict[str, Any]:
        """Runs it for people and for scripts, requires the exit code and the words in both, and gives the error of the document.

        Every error names the next command, stands on stderr for people, and is the one document on stdout for scripts.
        """
        text, script = self.run(*arguments, **more), self.run(*arguments, "-o", "json", **more)
        assert (text.code, script.code) == (code, code), (text, script)
        assert text.out == "", text.out
        error: dict[str, Any] = script.document["error"]
        assert set(error) == {"code", "message", "hint", "problems"}
        in_script = "\n".join([error["message"], error["hint"], *(str(Problem(**problem)) for problem in error["problems"])])
        for words in says:
            assert words in text.err, (words, text.err)
            assert words in in_script, (words, in_script)
        assert bool(error["hint"]) or not hint, error
        assert not hint or f"next: {error['hint']}" in text.err
        return error

    def write(self, file: str, content: str | bytes) -> Path:
        """Writes a file of the checkout."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def kubeconfig(self, server: str, *, cluster: str = "cmsweb-test4", user: Any = None, name: str = "config") -> str:
        """A kubeconfig whose current context reaches that cluster."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "ctx",
            "clusters": [{"name": cluster, "cluster": {"server": server}}],
            "contexts": [{"name": "ctx", "context": {"cluster": cluster, "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "abc"} if user is None else user}],
        }
        path = self.home / name
        path.write_text(yaml.safe_dump(document))
        return str(path)


@dataclass
class FakeApi:
    """A server at a loopback address that gives one answer to everything, and counts what it is asked."""

    port: int = 0
    status: int = 200
    content_type: str = "application/json"
    body: bytes = b"{}"
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, status: int, body: Any, content_type: str = "application/json") -> None:
        """What it says from now on; a text is sent as it is, everything else as JSON."""
        self.status, self.content_type = status, content_type
        self.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()


def serve(api: FakeApi) -> ThreadingHTTPServer:
    """Starts the server in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            api.asked.append(f"{self.command} {self.path}")
            self.send_response(api.status)
            self.send_header("Content-Type", api.content_type)
            self.send_header("Content-Length", str(len(api.body)))
            self.end_headers()
            self.wfile.write(api.body)

        do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def clean_variables(home: Path, cache: Path, root: Path) -> dict[str, str]:
    """The environment of a plain shell."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CEILING_DIRECTORIES": os.sep,
    }


@dataclass(frozen=True)
class Inside(Cli):
    """The same command lines in this process: for many cases, where starting Python for each would take most of the time."""

    def run(self, *arguments: str, env: Mapping[str, str | None] | None = None, cwd: Path | None = None, **more: Any) -> Ran:
        """Runs one command line in this process, with its own streams, environment and working directory."""
        from helmtool.cli.app import run

        assert not more
        out, err, variables = io.StringIO(), io.StringIO(), {k: v for k, v in {**self.variables, **(env or {})}.items() if v is not None}
        with (
            contextlib.chdir(cwd or self.root),
            mock.patch.dict(os.environ, variables, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(list(arguments))
        return Ran(code, out.getvalue(), err.getvalue()).without_traces()
