"""What helm does with a chart as a package: package it, sign it, push it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from helmtool.adapters.helm import HelmCommand, helm_error
from helmtool.adapters.registry.credentials import HelperFailed, find_file
from helmtool.adapters.registry.errors import LoginNeeded, RegistryFailed, RegistryForbids, RegistryUnreachable
from helmtool.adapters.toolbox import helm as find_helm
from helmtool.errors import HelmtoolError, OperationFailed
from helmtool.model.chart_package import SCHEME, PassphraseNeeded, SigningFailed
from helmtool.model.registry import Repository, is_loopback

EXPORT = "gpg --export-secret-keys KEY >FILE, then --keyring FILE"
# The words of Helm 4.3 and of the OpenPGP library that it has.
SIGNING = (
    ("private key not found", "has no secret key of that name", "gpg --show-keys {keyring}; the name is part of a user ID"),
    ("checksum failure", "is not unlocked by that passphrase", "the passphrase of the key, on the first line"),
    ("not a private key", "gives the public key alone; GnuPG keeps secret keys elsewhere", EXPORT),
    ("openpgp", "is no keyring that Helm reads: GnuPG keeps its own in another form", EXPORT),
)
UNREACHABLE = ("connection refused", "no such host", "i/o timeout", "certificate", "server gave http response", "eof", "connection reset")


class PushFailed(OperationFailed):
    """Helm has not pushed the chart."""

    code = "chart-push-failed"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: part of the key's user ID, the file of exported secret keys, and the key's passphrase where it has one."""

    key: str
    keyring: Path
    passphrase: bytes | None = field(default=None, repr=False)


async def package(chart: Path, version: str, folder: Path, signer: Signer | None) -> Path:
    """Packages the chart into a folder, signed where a signer is given; the passphrase goes to helm's standard input.

    Raises ChartInvalid, SigningFailed and PassphraseNeeded.
    """
    argv: list[object] = ["package", chart, "--version", version, "--destination", folder]
    if signer is None:
        await _command().run(argv)
    else:
        argv += ["--sign", "--key", signer.key, "--keyring", signer.keyring]
        argv += ["--passphrase-file", "-"] if signer.passphrase is not None else []
        await _command(signer=signer).run(argv, signer.passphrase)
    [file] = folder.glob("*.tgz")
    return file


async def push(file: Path, repository: Repository) -> str:
    """Pushes a package, and its signature beside it, and gives the digest that helm tells.

    Helm reads the credentials itself, out of the file in which this program finds them. Raises CredentialsUnreadable, LoginNeeded,
    RegistryForbids, RegistryFailed, RegistryUnreachable and PushFailed.
    """
    failed, credentials = None, None
    try:
        credentials = find_file(repository)
    except HelperFailed as failure:  # which is an error only if the registry wants a login
        failed = failure
    argv = ["push", file, f"{SCHEME}{str(repository).rpartition('/')[0]}", *(["--plain-http"] if is_loopback(repository.host) else [])]
    try:
        said = await _command(repository=repository, credentials=credentials).run(argv)
    except LoginNeeded as needed:
        raise failed or needed from None
    found = re.search(rb"sha256:[0-9a-f]{64}", said)
    return found[0].decode() if found else ""


def _command(*, signer: Signer | None = None, repository: Repository | None = None, credentials: Path | None = None) -> HelmCommand:
    path, version = find_helm()
    variables = {"HELM_REGISTRY_CONFIG": str(credentials)} if credentials else {}

    def judge(said: str) -> HelmtoolError:
        return _push_error(said, repository, credentials) if repository else _package_error(said, signer)

    return HelmCommand(path, version, None, judge=judge, variables=variables)


def _package_error(said: str, signer: Signer | None) -> HelmtoolError:
    if signer is None:
        return helm_error(said)
    lower = said.lower()
    if "ioctl" in lower:  # helm would ask at the terminal that it does not have
        return PassphraseNeeded(
            f"the key `{signer.key}` of {signer.keyring} is locked", hint="--passphrase-file FILE, or - for standard input"
        )
    for sign, reason, hint in SIGNING:
        if sign in lower:
            return SigningFailed(f"{signer.keyring}, key `{signer.key}`: it {reason}", hint=hint.format(keyring=signer.keyring))
    return helm_error(said)


def _push_error(said: str, repository: Repository, credentials: Path | None) -> HelmtoolError:
    """Helm's words as an error; they may hold an address with a query, so they are not quoted."""
    lower, source = said.lower(), str(credentials or "")
    doing = f"push {repository.path}"
    failed = re.search(r"status code (5\d\d)", lower)
    if failed:
        return RegistryFailed(repository.host, int(failed[1]), doing)
    if "unauthorized" in lower or "credential" in lower or "status code 401" in lower:
        return LoginNeeded(repository.host, doing, source)
    if "denied" in lower or "forbidden" in lower or "status code 403" in lower:
        return RegistryForbids(repository.host, doing, source)
    if any(sign in lower for sign in UNREACHABLE):
        return RegistryUnreachable(repository.host, "helm gets no answer from it")
    return PushFailed(f"helm has not pushed {repository}", hint=f"run it again with -v; helm registry login {repository.host}")
