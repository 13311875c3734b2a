"""The commands of the how-to page, run as they stand there, one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from checkout import ROOT, Checkout, Key, tool

PAGE = ROOT / "docs" / "how-to" / "secrets.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    blocks = [block for block in BLOCK.findall(PAGE.read_text()) if not block.startswith("# needs")]
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_the_page_runs_as_written(checkout: Checkout, key: Key) -> None:
    programs = checkout.home / "bin"
    programs.mkdir()
    (programs / "age-keygen").symlink_to(tool("age-keygen"))
    (programs / "helmtool").write_text(f'#!/bin/sh\nexec {sys.executable} -m helmtool --config-dir {ROOT} "$@"\n')
    (programs / "helmtool").chmod(0o755)
    (checkout.home / "services_config").symlink_to(checkout.root)
    (checkout.home / "dqm-keys.txt").write_text(key.file.read_text())
    checkout.git("init", "-q")
    checkout.sealed("first", "x", key)
    checkout.write("token.txt", "t")
    checkout.write("app.json", '{"a": "b"}')
    script = "\n".join(["set -e", *commands()])
    env = checkout.environment | {"PATH": f"{programs}{os.pathsep}{checkout.environment['PATH']}", "EDITOR": "sed -i s/t/u/"}
    done = subprocess.run(["/bin/bash", "-c", script], env=env, cwd=checkout.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "token.txt.encrypted: changed and encrypted" in done.stdout
    assert "3 files replaced" in done.stdout
    assert done.stdout.count("token.txt  data  -") == 2
