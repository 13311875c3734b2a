"""The commands for the night, on real pods: the right pod's log, a command in it, its events, and why it does not come."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl

import pytest
from cli import PATIENCE, Helmtool, wait_until
from node import RELEASE, Node


def screen(fd: int, until: str) -> str:
    """What a terminal shows until a text is there."""
    shown, deadline = "", time.monotonic() + PATIENCE
    while until not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([fd], [], [], 1)[0]:
            shown += os.read(fd, 65536).decode(errors="replace")
    return shown


@pytest.fixture
def pod(serving: Helmtool) -> str:
    (found,) = serving("pods", "kind", "-o", "json").json
    return str(found["name"])


def test_pods_are_shown_with_node_and_tag(serving: Helmtool, pod: str) -> None:
    header, line = serving("pods", "kind").out.splitlines()
    assert header.split() == ["POD", "STATE", "RESTARTS", "AGE", "TAG", "NODE"]
    assert re.fullmatch(rf"{pod} +Ready +0 +\d+[smh] +HG0105a +\S+-control-plane", line)
    assert line.rindex(line.split()[-1]) <= 60  # the node's name comes last, however long it is


def test_a_command_runs_in_the_pod(serving: Helmtool, pod: str) -> None:
    assert serving("exec", "kind", "--", "hostname").out.strip() == pod
    ran = serving("exec", "kind", "--", "sh", "-c", "echo out; echo err >&2; exit 7", code=7)
    assert (ran.out, "err\n" in ran.err) == ("out\n", True)


def test_what_is_piped_in_ends_where_the_pipe_ends(serving: Helmtool, pod: str) -> None:
    argv = [sys.executable, "-m", "helmtool", "exec", "kind", "-q", "--", "sha256sum"]
    text = bytes(range(256)) * 4096
    ran = subprocess.run(argv, input=text, capture_output=True, cwd=serving.project, env=serving.environment, timeout=PATIENCE)
    local = subprocess.run(["sha256sum"], input=text, capture_output=True, check=True)
    assert (ran.returncode, ran.stdout, b"unclosed" in ran.stderr) == (0, local.stdout, False)


def test_a_program_that_is_not_there(serving: Helmtool, pod: str) -> None:
    error = serving("exec", "kind", "--", "/no/such/program", code=None)
    assert error.code in (1, 126, 127)
    assert "no/such/program" in error.err
    assert "helmtool describe kind" in error.err


def test_on_a_terminal_it_has_one_of_its_own(serving: Helmtool, pod: str) -> None:
    """Its size, its Ctrl-C, and back in order at the end."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    before = termios.tcgetattr(theirs)
    argv = [sys.executable, "-m", "helmtool", "exec", "kind"]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=serving.project, env=serving.environment)
    try:
        # Typed ahead, and the node takes sizes and input by different ways, in no order: the shell is given a moment, as below.
        os.write(ours, b"sleep 0.5; stty size; echo done-$((40 + 2))\n")
        assert "33 111" in screen(ours, "done-42")
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 99, 0, 0))
        process.send_signal(signal.SIGWINCH)
        os.write(ours, b"sleep 0.5; stty size; echo done-$((40 + 3))\n")
        assert "44 99" in screen(ours, "done-43")
        os.write(ours, b"sleep 1000; echo not-$((40 + 4))\n")
        time.sleep(1)
        os.write(ours, b"\x03")
        os.write(ours, b"echo done-$((40 + 5))\n")
        assert "not-44" not in screen(ours, "done-45")
        os.write(ours, b"exit 5\n")
        assert process.wait(PATIENCE) == 5
        assert termios.tcgetattr(theirs) == before
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_the_log_is_that_of_the_pod_that_serves(serving: Helmtool, node: Node, pod: str) -> None:
    lines = serving("logs", "kind", "-o", "json").json["lines"]
    assert lines
    assert lines == node.kubectl("logs", pod).splitlines()
    assert serving("logs", "kind", "--tail", "1").out.splitlines() == lines[-1:]


def test_secrets_are_struck_from_the_log(serving: Helmtool, node: Node, pod: str) -> None:
    """A value of a Secret that the pod mounts, and a private key over several lines."""
    data = json.loads(node.kubectl("get", "secret", "robot-secrets", "-o", "json"))["data"]
    value = base64.b64decode(next(iter(data.values()))).decode()
    key = "-----BEGIN PRIVATE KEY-----\\nAbCd0123\\n-----END PRIVATE KEY-----"
    assert node.inside(node.pod(), f"printf 'begin\\n%s\\n{key}\\nend\\n' '{value}' > /proc/1/fd/1").returncode == 0
    wait_until(lambda: serving("logs", "kind").out.splitlines()[-1] == "end")
    lines = serving("logs", "kind").out.splitlines()
    shown = [line for line in lines[lines.index("begin") + 1 : -1] if line]
    assert shown == ["<redacted>"] * (len(value.splitlines()) + 1)


def test_a_followed_log_goes_on_in_the_next_pod(serving: Helmtool, node: Node, pod: str) -> None:
    running = serving.start("logs", "kind", "-f", "--tail", "0").saw(f"pod       {pod}")
    node.kubectl("delete", "pod", pod, "--wait=false")
    wait_until(lambda: [p["name"] for p in serving("pods", "kind", "-o", "json").json if p["ready"] and p["name"] != pod])
    (other,) = [p["name"] for p in serving("pods", "kind", "-o", "json").json if p["ready"]]
    running.saw(f"pod       {other}")
    first = node.kubectl("logs", other).splitlines()[0]
    wait_until(lambda: first.encode() in running._outputs["out"])
    assert running.send(signal.SIGINT).wait().code == 130


def test_a_description_says_why_the_pod_does_not_come(serving: Helmtool, node: Node, pod: str) -> None:
    repository = node.pod()["spec"]["containers"][0]["image"].partition("@")[0].rpartition(":")[0]
    node.kubectl("set", "image", f"deployment/{RELEASE}", f"{RELEASE}={repository}:HG2412z")
    wait_until(lambda: [c["code"] for c in serving("describe", "kind", "-o", "json").json["causes"]][:1] == ["image-missing"])
    shown = serving("describe", "kind").out
    assert "cause image-missing: " in shown
    assert "  next: " in shown
    assert "HG2412z" in shown
    found = serving("events", "kind", "-o", "json").json
    assert [event["at"] for event in found] == sorted(event["at"] for event in found)
    assert {event["about"].partition("/")[0] for event in found} >= {"Pod", "ReplicaSet", "Deployment"}
    assert any(event["warning"] and event["reason"] == "Failed" for event in found)
    assert "Failed" in serving("events", "kind").out
