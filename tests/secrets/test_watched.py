"""What the system sees while it works: no plaintext in a file, in an argument, or in the environment of anything but sops."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkout import CANARY, Checkout, Key, files_with, need

SHOWN = 256 * 1024
"""How much of every argument, variable and written text strace shows."""


@pytest.fixture
def trace(checkout: Checkout) -> Path:
    return checkout.home / "trace"


def watched(checkout: Checkout, trace: Path, *arguments: str | Path, env: dict[str, str] | None = None) -> list[str]:
    """Runs a command under strace, and gives the system calls that start programs, open, write or rename."""
    (strace,) = need("strace")
    calls = "trace=execve,execveat,open,openat,creat,write,pwrite64,writev,rename,renameat,renameat2,link,linkat,symlink,memfd_create"
    prefix = [strace, "-f", "-v", "-y", "-s", str(SHOWN), "-e", calls, "-o", str(trace)]
    ran = checkout.run(*arguments, "-vv", prefix=prefix, env=env)
    assert ran.code == 0, ran.err[-2000:]
    assert CANARY not in ran.err
    return whole(trace.read_text(errors="replace").splitlines())


def whole(lines: list[str]) -> list[str]:
    """The calls in one line each: strace cuts a call in two where another process's call comes between its begin and its end."""
    begun: dict[str, str] = {}
    calls = []
    for line in lines:
        process = line.split(" ", 1)[0]
        if line.endswith(" <unfinished ...>"):
            begun[process] = line.removesuffix(" <unfinished ...>")
        elif resumed := re.match(r"\d+ +<\.\.\. \w+ resumed>", line):
            calls.append(begun.pop(process, "") + line[resumed.end() :])
        else:
            calls.append(line)
    return calls + list(begun.values())


def test_a_call_that_another_one_interrupts_is_seen() -> None:
    lines = ['7 execve("/sops", ["sops"], [] <unfinished ...>', "8 close(3) = 0", "7 <... execve resumed>) = 0"]
    assert started(whole(lines)) == ['7 execve("/sops", ["sops"], []) = 0']


def started(lines: list[str]) -> list[str]:
    return [line for line in lines if " execve(" in line and line.rstrip().endswith("= 0")]


def writes_with(lines: list[str], needle: str) -> list[str]:
    """Where a text was written to: what strace shows behind the number of the file."""
    return [m.group(1) for line in lines if needle in line and (m := re.search(r" (?:write|pwrite64|writev)\(\d+<([^>]*)>", line))]


@pytest.mark.parametrize("command", ["encrypt", "decrypt", "edit", "check", "rotate"])
def test_nothing_is_seen(checkout: Checkout, key: Key, other: Key, trace: Path, command: str) -> None:
    path = checkout.sealed("a.txt", f"password: {CANARY}\n", key)
    checkout.git("init", "-q")
    plain = [checkout.write("b.txt", f"{CANARY} too\n")] if command == "encrypt" else []
    arguments = {
        "encrypt": ("encrypt", *plain, "--remove"),
        "decrypt": ("decrypt", path, "--out", "-"),
        "edit": ("edit", path),
        "check": ("check", "test4"),
        "rotate": ("rotate", "--to", other.file),
    }[command]
    lines = watched(checkout, trace, *arguments, env={"SOPS_AGE_KEY": key.secret, "EDITOR": "sed -i s/password/passphrase/"})
    programs = started(lines)
    assert any("/sops" in line for line in programs)
    assert not [line for line in programs if CANARY in line]
    with_key = [line for line in programs if key.secret in line]
    first = programs[0]  # helmtool itself, which a person gave the key
    assert [line for line in with_key if line is not first and '/sops"' not in line] == []
    assert not [line for line in programs if key.secret in line.split("], [", 1)[0]]
    in_files = [where for where in writes_with(lines, CANARY) if where.startswith("/") and "/dev/shm/" not in where]
    assert in_files == []
    assert not [where for where in writes_with(lines, key.secret) if where.startswith("/")]
    trace.unlink()
    assert not files_with(CANARY.encode(), checkout.root, checkout.home)
    assert not files_with(key.secret.encode(), checkout.root, checkout.home)


def test_the_watching_itself_sees(checkout: Checkout, key: Key, trace: Path) -> None:
    """A plaintext that does go to a file, as --out asks for, is seen."""
    path = checkout.sealed("a.txt", CANARY, key)
    out = checkout.home / "out"
    lines = watched(checkout, trace, "decrypt", path, "--out", out, "--identity", key.file)
    assert writes_with(lines, CANARY).count(str(out)) == 1
    assert out in files_with(CANARY.encode(), checkout.home)


def test_sops_gets_nothing_but_the_key(checkout: Checkout, key: Key, trace: Path) -> None:
    """No home, no PATH, no credentials of a cloud that happen to be set; and it opens no other key and no socket."""
    path = checkout.sealed("a.txt", CANARY, key)
    env = {
        "SOPS_AGE_KEY": key.secret,
        "AWS_PROFILE": "p",
        "VAULT_TOKEN": "t",
        "SOPS_AGE_KEY_CMD": "touch /tmp/never",
        "SOPS_KEYSERVICE": "x",
    }
    lines = watched(checkout, trace, "decrypt", path, "--out", "-", env=env)
    (of_sops,) = [line for line in started(lines) if "--input-type" in line]
    variables = re.findall(r'"([A-Z0-9_]+)=', of_sops.split("], [", 1)[1])
    assert sorted(variables) == ["AWS_EC2_METADATA_DISABLED", "SOPS_AGE_KEY", "SOPS_DISABLE_VERSION_CHECK"]
