"""The chart as a package: chart publish."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from helmtool.cli.confirm import hidden_answer
from helmtool.cli.options import group, terminal, with_globals

app = group("The chart as a package in a registry.")

KEYRING = Path("~/.gnupg/secring.gpg")
"""Where GnuPG before 2.1 kept secret keys, and where people export them to for Helm."""


def publish(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version of Semantic Versioning, as in 0.2.0.")],
    to: Annotated[str, typer.Option("--to", metavar="oci://HOST/PATH", help="Over chartRepository of environments.yaml.")] = "",
    sign: Annotated[str, typer.Option("--sign", metavar="KEY", help="Sign it with this key: part of its user ID.")] = "",
    keyring: Annotated[Path, typer.Option("--keyring", metavar="FILE", help="The exported secret keys.")] = KEYRING,
    passphrase_file: Annotated[
        str, typer.Option("--passphrase-file", metavar="FILE|-", help="The key's passphrase, on the first line; else it is asked for.")
    ] = "",
    allow_dirty: Annotated[bool, typer.Option("--allow-dirty", help="Publish what is not committed.")] = False,
) -> None:
    """Publish the checkout's chart as VERSION in a registry; a published version is never overwritten."""
    from helmtool.adapters.helm_charts import Signer
    from helmtool.cli.running import run
    from helmtool.operations.publish import PublishOptions
    from helmtool.operations.publish import publish as operation

    signer = Signer(sign, keyring.expanduser(), _passphrase(passphrase_file) if passphrase_file else None) if sign else None
    published = run(operation(version, terminal.settings, PublishOptions(to, signer, allow_dirty, _ask), terminal))
    if terminal.as_json:
        terminal.document(
            {
                "version": published.version,
                "address": published.address,
                "digest": published.digest,
                "signed": published.signed,
                "written": published.written,
                "commit": published.commit or None,
            }
        )
        return
    terminal.data(f"{published.address} {published.version} {'is' if published.written else 'was already'} {published.digest}")
    for line in _next(published):
        terminal.say(line)


def _next(published: Any) -> list[str]:
    from helmtool.model.registry import is_loopback

    plain = " --plain-http" if is_loopback(published.repository.host) else ""
    check = " --verify --keyring PUBLIC_KEYS" if published.signed else ""
    lines = [] if published.signed else ["it is not signed: --sign KEY signs it"]
    return [
        *lines,
        "to install it:",
        f"  helm upgrade --install newdqmgui {published.address} \\",
        f"    --version {published.version}{plain}{check} --namespace dqm --reset-values \\",
        "    --values values/ENV.yaml --set image.tag=TAG --server-side=true",
    ]


def _passphrase(file: str) -> bytes:
    """The passphrase out of a file or standard input; it goes on to helm's own standard input."""
    from helmtool.adapters.regular import read_file
    from helmtool.errors import InvalidInput

    if file == "-":
        return sys.stdin.buffer.readline() if sys.stdin else b""
    try:
        return read_file(Path(file).expanduser(), 1 << 16)
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}", hint="--passphrase-file FILE, or - for standard input") from None


def _ask(key: str) -> bytes | None:
    """The passphrase of a key that a person types; nothing where there is no terminal."""
    answer = hidden_answer(f"Passphrase of the key {key}")
    return None if answer is None else answer.encode() + b"\n"


app.command(epilog="Example: helmtool chart publish 0.2.0 --sign dqm@cern.ch --keyring keys.gpg")(with_globals(publish))
