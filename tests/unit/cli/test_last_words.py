"""What reaches stderr beside the terminal's sentences, in a process of its own: it changes the interpreter's hooks."""

from __future__ import annotations

import subprocess
import sys

import pytest

SECRET = "s3cret-Value-0815"
START = f"""
import sys, threading, warnings, logging, gc
from helmtool.cli.last_words import redact_last_words, print_traceback
from helmtool.cli.terminal import Terminal, log_to_stderr
from helmtool.errors import OperationFailed, Problem
from helmtool.model.redaction import protect
redact_last_words()
protect({SECRET.encode()!r})
secret = "s3cret-Value-" + "0815"
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", START + code], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "raise RuntimeError(secret)",
        "threading.Thread(target=lambda: 1 / 0 if not secret else (_ for _ in ()).throw(ValueError(secret))).start()",
        "class A:\n    def __del__(self): raise ValueError(secret)\nA(); gc.collect()",
        "warnings.warn(secret)",
        "logging.getLogger('urllib3').warning('%s', secret)",
        "log_to_stderr(2); logging.getLogger('helmtool').debug('%s', {'a': secret})",
        "log_to_stderr(1)\ntry:\n    raise KeyError(secret)\nexcept KeyError:\n    logging.getLogger('helmtool').exception('x')",
        "try:\n    raise KeyError(secret)\nexcept KeyError as error:\n    print_traceback(error)",
        "Terminal().data(secret)",
        "Terminal().document({secret: [secret, {'a': secret}]})",
        "Terminal().diff(['+ ' + secret])",
        "Terminal().table(('A', 'B'), [(secret, 'x' + secret)])",
        "Terminal().warn(secret)",
        "Terminal().start('step', secret)",
        "Terminal().done('step', secret)",
        "Terminal().skip('step', secret)",
        "Terminal().say(secret)",
        "Terminal().error(OperationFailed(secret, hint=secret, problems=[Problem(secret + '!', file=secret, path=secret)]))",
        "Terminal(output='json').error(OperationFailed(secret, hint=secret, problems=[Problem(secret, file=secret, path=secret)]))",
    ],
)
def test_nothing_gets_past_the_redactor(code: str) -> None:
    told = run(code)
    assert "<redacted>" in told
    assert SECRET not in told


def test_a_document_stays_one_whatever_is_struck() -> None:
    import json

    told = run("protect(b'12345678'); Terminal().document({'n': 12345678, 'a\\\\n' + secret: [1, True, None, 'x' + secret]})")
    assert json.loads(told) == {"n": "<redacted>", "a\\n<redacted>": [1, True, None, "x<redacted>"]}
