"""Credentials for a registry, from where podman, docker and helm keep them; read only when a registry asks for some."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helmtool.adapters import process
from helmtool.adapters.registry.errors import CredentialsUnreadable
from helmtool.adapters.regular import read_file
from helmtool.model.redaction import protect
from helmtool.model.registry import Repository

HELPER_TIMEOUT = 30.0
LARGEST = 4 << 20
"""Bytes of a file of credentials."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks; `source` is the file or helper it came from, the only part that a message may show."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    identity_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for secret in filter(None, (self.password, self.identity_token)):
            protect(secret.encode(errors="surrogatepass"))
            protect(f"{self.user}:{secret}".encode(errors="surrogatepass"))

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_credential(repository: Repository, environ: Mapping[str, str] | None = None) -> Credential | None:
    """The first credential that a file has for the repository, or nothing. Raises CredentialsUnreadable."""
    return next((found for _, found in _found(repository, environ)), None)


def find_file(repository: Repository, environ: Mapping[str, str] | None = None) -> Path | None:
    """The file that the credential is found by, for a program that reads such files itself. Raises CredentialsUnreadable."""
    return next((file for file, _ in _found(repository, environ)), None)


def stored_credential(repository: Repository) -> Credential | None:
    """The same out of files alone: no helper is started, which might ask a person. Raises CredentialsUnreadable."""
    return next((found for _, found in _found(repository, None, helpers=False)), None)


def protect_stored() -> None:
    """Registers every credential of the files with the redactor, before a program that reads them may print one; starts no helper."""
    for file in _files(os.environ):
        entries: list[Any] = []
        with contextlib.suppress(CredentialsUnreadable):
            entries = list((_read(file).get("auths") or {}).values())
        for entry in (entry for entry in entries if isinstance(entry, dict)):
            with contextlib.suppress(CredentialsUnreadable):
                _decode(entry, file)


class HelperFailed(CredentialsUnreadable):
    """A file or a helper of credentials cannot be used. Of a helper it is an error only if no other source has the login that is needed."""


def _found(repository: Repository, environ: Mapping[str, str] | None, *, helpers: bool = True) -> Iterator[tuple[Path, Credential]]:
    """Each file with the credential that it has. At the end, raises what a helper failed with, if one did: it may have had the login."""
    failures: list[HelperFailed] = []
    for file in _files(os.environ if environ is None else environ):
        config = _read(file)
        if not helpers:
            config = {"auths": config.get("auths")}
        found = _from_config(config, repository, file, failures) if config else None
        if found:
            yield file, found
    if failures:
        raise failures[0]


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """REGISTRY_AUTH_FILE alone where it is set, as podman has it; else podman's, docker's and helm's own files."""
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
        return
    home = environ.get("HOME", "")
    config = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    docker = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else "")
    helm = environ.get("HELM_CONFIG_HOME") or (f"{config}/helm" if config else "")
    for folder, name in (
        (environ.get("XDG_RUNTIME_DIR"), "containers/auth.json"),
        (config, "containers/auth.json"),
        (docker, "config.json"),
    ):
        if folder:
            yield Path(folder, name)
    if environ.get("HELM_REGISTRY_CONFIG"):
        yield Path(environ["HELM_REGISTRY_CONFIG"])
    elif helm:
        yield Path(helm, "registry/config.json")


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_file(file, LARGEST) or b"{}")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CredentialsUnreadable(f"{file}: {error.strerror}", hint=f"ls -l {file}") from None
    except (ValueError, RecursionError):
        raise CredentialsUnreadable(f"{file} is not JSON", hint=f"mend or remove {file}, then log in again") from None
    if not isinstance(data, dict) or not all(isinstance(data.get(key) or {}, dict) for key in ("auths", "credHelpers")):
        raise CredentialsUnreadable(f"{file}: expected an object with `auths`", hint=f"mend or remove {file}, then log in again")
    return data


def _from_config(config: dict[str, Any], repository: Repository, file: Path, failures: list[HelperFailed]) -> Credential | None:
    """A helper of this host first, then the most specific entry, then the helper of all hosts. Adds helpers that fail to `failures`."""
    own, store = (config.get("credHelpers") or {}).get(repository.host), config.get("credsStore")
    for helper, entries in ((own, {}), (None, config.get("auths") or {}), (None if own else store, {})):
        try:
            found = _ask_helper(str(helper), repository.host, file) if helper else _from_entries(entries, repository, file)
        except HelperFailed as failure:
            failures.append(failure)
            continue
        if found:
            return found
    return None


def _from_entries(entries: Mapping[str, Any], repository: Repository, file: Path) -> Credential | None:
    auths = {_host_of(str(key)): entry for key, entry in entries.items()}
    segments = str(repository).split("/")
    for count in range(len(segments), 0, -1):
        entry = auths.get("/".join(segments[:count]))
        found = _decode(entry, file) if isinstance(entry, dict) else None
        if found:
            return found
    return None


def _host_of(key: str) -> str:
    """The key of an entry without what older clients add to it: `https://HOST/v1/`."""
    return re.sub(r"/v[12]/?$", "", re.sub(r"^https?://", "", key)).rstrip("/")


def _decode(entry: Mapping[str, Any], file: Path) -> Credential | None:
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credential("", "", str(file), token)
    if isinstance(entry.get("username"), str) and isinstance(entry.get("password"), str):
        return Credential(entry["username"], entry["password"], str(file))
    if not entry.get("auth"):
        return None
    try:
        user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (binascii.Error, ValueError, TypeError):
        colon = ""
    if not colon:
        raise CredentialsUnreadable(f"{file}: an `auth` is not base64 of user:password", hint="log in again")
    return Credential(user, password.rstrip("\0"), str(file))


def _ask_helper(name: str, host: str, file: Path) -> Credential | None:
    """Runs `docker-credential-NAME get`, the host on standard input (Docker's credential helper protocol). Raises HelperFailed."""
    program = f"docker-credential-{name}"
    if not re.fullmatch(r"[A-Za-z0-9][-._A-Za-z0-9]*", name):
        raise HelperFailed(f"the credential helper, which {file} names, is no program's name", hint=f"edit {file}")
    try:
        done = process.run([program, "get"], input=host.encode(), timeout=HELPER_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired, process.TooMuchOutput) as error:
        reason = f"cannot be started: {error.strerror}" if isinstance(error, OSError) else "takes too long or prints too much"
        raise HelperFailed(f"{program}, which {file} names, {reason}", hint=f"command -v {program}, or edit {file}") from None
    if done.returncode != 0:
        if b"credentials not found" in done.stdout + done.stderr:
            return None
        raise HelperFailed(f"{program}, which {file} names, ended with {done.returncode}", hint=f"echo {host} | {program} get")
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError, RecursionError):
        wrong = f"{program}, which {file} names, answers with something else than credentials"
        raise HelperFailed(wrong, hint=f"echo {host} | {program} list") from None
    return Credential("", "", program, secret) if user == "<token>" else Credential(user, secret, program)
