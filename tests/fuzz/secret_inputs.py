"""Files of secrets that sops has encrypted, and age identities."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

from cases import LARGE, Case, Content, codes, in_a_mode
from mutations import change_bytes, change_structure
from sites import Good

from helmtool.adapters import toolbox

CANARY = "cAnArY-of-a-secret-5ca1e"
SERVICE = "secrets/newdqmgui"
PLAIN = {
    "robot.txt": f"password={CANARY}\n".encode(),
    "config.json": json.dumps({"password": CANARY, "list": [1, {"x": "y"}]}).encode(),
    "app.yaml": f"password: {CANARY}\nmore: [a, b]\n".encode(),
    "app.ini": f"[main]\npassword = {CANARY}\n".encode(),
    "app.env": f"PASSWORD={CANARY}\n".encode(),
}
FORMS = {"config.json": "json", "app.yaml": "yaml", "app.ini": "ini", "app.env": "dotenv"}


def make_secrets(folder: Path) -> tuple[str, str, dict[str, bytes]]:
    """An identity, its recipient, and one encrypted file of every form, by the names of cases."""
    made = subprocess.run([str(toolbox.find("age-keygen"))], capture_output=True, check=True).stdout.decode()
    recipient = next(line.rpartition(" ")[2] for line in made.splitlines() if "public key" in line)
    files = {f"{SERVICE}/{name}.encrypted": _sealed(folder, name, plain, recipient) for name, plain in PLAIN.items()}
    return made, recipient, {**files, "home/identity": made.encode()}


def _sealed(folder: Path, name: str, plain: bytes, recipient: str) -> bytes:
    kind = FORMS.get(name, "binary")
    path = folder / name
    path.write_bytes(plain)
    argv = [str(toolbox.find("sops")), "encrypt", "--age", recipient, "--input-type", kind, "--output-type", kind, str(path)]
    done = subprocess.run(argv, capture_output=True, check=True, env={"HOME": str(folder), "PATH": os.environ["PATH"]})
    return done.stdout


def sops_files(rng: random.Random, good: Good) -> Case:
    """An encrypted file that was changed, cut or swapped, or an identity that was."""
    name = rng.choice(tuple(PLAIN))
    path = f"{SERVICE}/{name}.encrypted"
    content = good.files[path]
    chance = rng.random()
    files: dict[str, Content] = {path: _changed(rng, content, good)}
    if chance < 0.25:
        files = {"home/identity": change_bytes(rng, good.identity.encode())}
    if rng.random() < 0.5:
        command = (
            "secrets",
            "decrypt",
            f"{{secrets}}/newdqmgui/{name}.encrypted",
            "--out",
            "{home}/plain",
            "--force",
            "--identity",
            "{home}/identity",
        )
        return Case(in_a_mode(rng, *command), codes(0, 3), files, canary=CANARY, memory=LARGE, names=(path.rpartition("/")[2], "identity"))
    command = ("secrets", "check", "test4", "--services-config", "{secrets}", "--identity", "{home}/identity")
    return Case(in_a_mode(rng, *command), codes(0, 3), files, canary=CANARY, memory=LARGE, documents=True)


def _changed(rng: random.Random, content: bytes, good: Good) -> bytes:
    chance = rng.random()
    if chance < 0.35 and content.lstrip().startswith(b"{"):
        return json.dumps(change_structure(rng, json.loads(content))).encode("utf-8", "surrogatepass")
    if chance < 0.85:
        return change_bytes(rng, content)
    extremes = (
        b"{" + b'"a": {' * 20_000,
        b'{"data": "x", "sops": []}',
        b'{"data": "x", "sops": {"age": 5, "mac": [], "version": {}}}',
        b"sops:\n  age: " + b"[" * 20_000,
        b"sops:\na: &a [*a]\n",
        b"sops:\na: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in b"abcdefghi"),
        b"[sops]\n",
        b"sops_mac=\n",
        b"x" * (9 << 20),
        good.recipient.encode(),
        b"",
    )
    return rng.choice(extremes)
