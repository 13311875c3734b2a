"""The secrets of a service: secrets encrypt, decrypt, edit, check, rotate for its files; apply and list for the cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helmtool.cli import secret_versions
from helmtool.cli.options import (
    EnvArgument,
    IdentityOption,
    ServicesConfigOption,
    complete_environment,
    group,
    terminal,
    with_globals,
)
from helmtool.errors import InvalidInput, OperationFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helmtool.operations.secrets.check import Checked, CheckedFile

app = group("The service's secret files, encrypted with age, and their versions in the cluster.")

STDOUT = Path("-")
SERVICE = "newdqmgui"

FromEnvOption = Annotated[
    str | None,
    typer.Option(
        "--env", metavar="ENV", help="Take the age identity from this environment's cluster.", autocompletion=complete_environment
    ),
]
ServiceOption = Annotated[str, typer.Option("--service", metavar="NAME", help="The service's folder in the checkout.")]
RecipientOption = Annotated[
    list[str] | None, typer.Option("--recipient", metavar="AGE1...", help="A public key of age or SSH; may be given several times.")
]
EncryptedArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A file whose name ends in .encrypted.")]


def encrypt(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Plaintext files; FILE.encrypted is written beside each.")],
    recipient: RecipientOption = None,
    identity: IdentityOption = None,
    env: FromEnvOption = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the plaintext afterwards.")] = False,
) -> None:
    """Encrypt files: for --recipient, else as the files beside them, else for the identity."""
    from helmtool.operations.secrets.encrypt import encrypt_files
    from helmtool.operations.secrets.identity import chosen_identity

    found = chosen_identity(env, identity, terminal.settings, terminal)
    done = encrypt_files(files, recipient or [], found, remove=remove, progress=terminal)
    changed = [one.path for one in done if one.written]
    steps = _git_steps(changed, "Secrets: " + ", ".join(path.name.removesuffix(".encrypted") for path in changed))
    if terminal.as_json:
        terminal.document({"files": [one.as_dict() for one in done], "next": steps})
        return
    for one in done:
        left = "; the plaintext is removed" if one.removed else "; the plaintext is still there, --remove removes it"
        terminal.data(f"{one.path}: {'encrypted' if one.written else 'unchanged'}, for {', '.join(one.recipients)}{left}")
    _say_steps(steps)


def decrypt(
    file: EncryptedArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the plaintext goes (mode 0600); - is stdout.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    identity: IdentityOption = None,
    env: FromEnvOption = None,
) -> None:
    """Decrypt one file to where --out says, and nowhere else."""
    from helmtool.operations.secrets.decrypt import decrypt_file, decrypt_to
    from helmtool.operations.secrets.identity import required_identity

    if out == STDOUT and terminal.as_json:
        raise UsageError("--out - prints the plaintext, and -o json prints one document: not both", hint="--out FILE")
    found = required_identity(env, identity, terminal.settings, terminal)
    if out == STDOUT:
        _print_plain(decrypt_file(file, found))
        return
    decrypt_to(file, out, found, force=force)
    if terminal.as_json:
        terminal.document({"file": str(file), "out": str(out)})
    else:
        terminal.data(f"{file}: decrypted to {out}")
        terminal.say(f"remove it when you are done: rm {out}")


def edit(file: EncryptedArgument, identity: IdentityOption = None, env: FromEnvOption = None) -> None:
    """Edit a file with $EDITOR, in memory alone, and encrypt it back."""
    from helmtool.operations.secrets.edit import edit_file
    from helmtool.operations.secrets.identity import required_identity

    edited = edit_file(file, required_identity(env, identity, terminal.settings, terminal), terminal)
    steps = _git_steps([file] if edited.changed else [], f"Secrets: {file.name.removesuffix('.encrypted')}")
    if terminal.as_json:
        terminal.document({"file": str(file), "changed": edited.changed, "next": steps})
        return
    terminal.data(f"{file}: {'changed and encrypted' if edited.changed else 'unchanged'}")
    _say_steps(steps)


def check(
    env: EnvArgument,
    services_config: ServicesConfigOption = None,
    service: ServiceOption = SERVICE,
    recipient: RecipientOption = None,
    identity: IdentityOption = None,
    warn_days: Annotated[int, typer.Option("--warn-days", metavar="DAYS", min=0, help="Warn of what expires sooner.")] = 30,
) -> None:
    """Check that every file decrypts, for whom, how long it lasts, and that none lies in the clear."""
    from datetime import UTC, datetime

    from helmtool.adapters.files import find_checkout
    from helmtool.model.age import parse_recipient
    from helmtool.operations.secrets.check import check_service
    from helmtool.operations.secrets.identity import environment_identity

    checkout = find_checkout(services_config)
    expected = [parse_recipient(one) for one in recipient or []]
    found = environment_identity(env, identity, terminal.settings, terminal)
    checked = check_service(checkout, service, found, expected=expected, warn_days=warn_days, now=datetime.now(UTC))
    if terminal.as_json:
        terminal.document(checked.as_dict())
    else:
        _print_check(checked)
    if checked.failed:
        raise typer.Exit(InvalidInput.exit_code)


def rotate(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The new age identity: the files will be for its public keys.")],
    recipient: RecipientOption = None,
    services_config: ServicesConfigOption = None,
    service: ServiceOption = SERVICE,
    identity: IdentityOption = None,
    env: FromEnvOption = None,
) -> None:
    """Encrypt all files of a service for a new key, proven before the first is replaced."""
    from helmtool.adapters.files import find_checkout
    from helmtool.operations.secrets.identity import read_identity, required_identity
    from helmtool.operations.secrets.rotate import rotate_service

    done = rotate_service(
        find_checkout(services_config),
        service,
        lambda: required_identity(env, identity, terminal.settings, terminal),
        read_identity(to),
        recipient or [],
        terminal,
    )
    steps = _git_steps(done.replaced, f"Secrets of {service}: a new key")
    if terminal.as_json:
        terminal.document({**done.as_dict(), "next": steps})
        return
    terminal.data(f"{done.folder}: {len(done.replaced)} files replaced, all are for {', '.join(done.recipients)}")
    _say_steps(steps)


def _git_steps(changed: Iterable[Path], message: str) -> list[str]:
    from helmtool.operations.secrets.steps import git_steps

    return git_steps(list(changed), message)


def _say_steps(steps: list[str]) -> None:
    if steps:
        terminal.say("to bring it to everybody:\n" + "\n".join(f"  {step}" for step in steps))


def _print_plain(content: bytes) -> None:
    """The one place where a plaintext leaves the process: a person has asked for it with `--out -`."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        raise OperationFailed(f"the output cannot be written: {error.strerror}", hint="--out FILE") from None


def _print_check(checked: Checked) -> None:
    terminal.table(("KEY", "KIND", "WHAT IT SAYS"), [(file.key, _kind(file), line) for file in checked.files for line in _lines(file)])
    if checked.readers:
        terminal.table(("RECIPIENT", "FILES"), checked.readers)
    for finding in checked.findings:
        terminal.warn(f"{'error' if finding.is_error else 'warning'}: {finding.where}: {finding.message}")
    errors = sum(finding.is_error for finding in checked.findings)
    said = f"{len(checked.files)} files in {checked.folder}, identity of {checked.source}"
    terminal.say(f"{said}: {errors} errors, {len(checked.findings) - errors} warnings")


def _kind(file: CheckedFile) -> str:
    if file.content is None:
        return "not read"
    return file.content.kind + ("" if file.encrypted else ", not encrypted")


def _lines(file: CheckedFile) -> list[str]:
    content: Any = file.content
    if content and content.certificate:
        return [f"{content.certificate.subject}, to {content.certificate.ends:%Y-%m-%d %H:%M} UTC"]
    if content and content.keytab:
        return [f"{e.principal}, key version {e.version}, {e.encryption_name}, written {e.written:%Y-%m-%d}" for e in content.keytab]
    return ["-"]


def plaintext(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of a services_config checkout, as git would commit them.")],
) -> None:
    """Find what a commit would hold in the clear; for a hook, so it needs no identity."""
    from helmtool.operations.secrets.plaintext import require_encrypted

    encrypted = require_encrypted(files)
    if terminal.as_json:
        terminal.document({"files": len(files), "encrypted": encrypted})
    else:
        terminal.say(f"{len(files)} files, {encrypted} of them encrypted: none is a plaintext that should be")


for command in (encrypt, decrypt, edit, check, rotate, plaintext):
    app.command()(with_globals(command))
secret_versions.add_to(app)
