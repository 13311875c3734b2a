"""The forms in which Go's programs print a value, asked of the real helm: its templates have Go's printf, JSON, HTML and URL functions."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from helmtool.adapters import toolbox
from helmtool.model.redaction import REDACTED, Redactor

BYTES = ("%v", "%d", "%x", "%X", "% x", "%#x", "% #X", "%#v", "%q", "%+q", "%s")
TEXTS = ("%v", "%q", "%+q", "%#q", "%x", "%#v")
FUNCTIONS = (
    "html",
    "js",
    "urlquery",
    "toJson",
    "toPrettyJson",
    "quote",
    "squote",
    "b64enc",
    "toYaml",
    "b64enc | toJson",
    "toJson | toJson",
    "js | html",
)
SECRETS = {
    "password": b"kT9$x'q\"Z7 &<w>\\%41=",
    "key": b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG/+0byqGSM49\nAgEGCCqG==\n-----END PRIVATE KEY-----\n",
    "unicode": "Schlüssel-für-größte-µ-Ω-🎉\x00\x7f\u2028".encode(),
    "binary": b"\x05\x02\x00\x00" + random.Random(3).randbytes(48),
    "numbers": b"1234567890",
}


def printed_by_helm(folder: Path, secret: bytes) -> list[tuple[str, str]]:
    """The name of each form, and how helm prints the value in it."""
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: c\nversion: 0.1.0\n")
    (folder / "secret").write_bytes(secret)
    shown = [(f"bytes {form}", f'printf {form!r} (.Files.GetBytes "secret")') for form in BYTES]
    shown += [(f"text {form}", f'printf {form!r} (.Files.Get "secret")') for form in TEXTS]
    shown += [(name, f'.Files.Get "secret" | {name}') for name in FUNCTIONS]
    calls = " ".join(f'(printf "<<%s>>" ({call}))' for _, call in shown).replace("'", '"')
    (folder / "templates" / "a.yaml").write_text("{{ fail (print " + calls + ") }}")
    done = subprocess.run([toolbox.find("helm"), "template", "r", folder], capture_output=True, timeout=60)
    found = re.findall(r"<<(.*?)>>", done.stderr.decode(errors="replace"), re.DOTALL)
    assert len(found) == len(shown), done.stderr
    return [(name, text) for (name, _), text in zip(shown, found, strict=True)]


@pytest.mark.parametrize("name", SECRETS)
def test_what_helm_prints_of_a_value_is_struck(name: str, tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.protect(SECRETS[name])
    for form, text in printed_by_helm(tmp_path, SECRETS[name]):
        told = redactor.redact(f"Error: {text} is not allowed")
        assert REDACTED in told or not text.strip(), form  # toYaml prints nothing of what is no text
        left = told.removeprefix("Error: ").removesuffix(" is not allowed").replace(REDACTED, "")
        assert len(left) <= len("[]byte{0x, }") + 4, (form, told)
