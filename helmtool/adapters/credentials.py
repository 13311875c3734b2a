"""Credentials that a program hands out: the exec plugin of a kubeconfig's user, asked as kubectl and helm ask it.

The kubernetes client's own way is not used: it gives the plugin the terminal, waits for it without end, asks it again with every request
in the last five minutes of a token, never because of a 401, and goes on without credentials where it fails.
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from helmtool.adapters.kubeconfig import Access, cluster_of, user_of
from helmtool.adapters.process import Completed, TooMuchOutput, run_apart
from helmtool.errors import Unreachable
from helmtool.model.kubeconfig import uses_plugin
from helmtool.model.redaction import protect, redact_text

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXTENSION = "client.authentication.k8s.io/exec"
"""Where a cluster's entry has what its plugin alone understands."""
PATIENCE = 20.0
"""Seconds for a plugin to answer; `openstack` takes up to five."""
LONGEST_SAID = 300
RFC_3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
NEW_TOKEN = "export OS_TOKEN=$(openstack token issue -c id -f value)"  # noqa: S105 - a command
"""How a person of CERN gets what the plugin of a CERN cluster wants (the deployment guide)."""


KEYSTONE_SECRETS = ("OS_TOKEN", "OS_PASSWORD", "OS_APPLICATION_CREDENTIAL_SECRET")
"""Variables of OpenStack's own clients that a plugin may quote where it complains (python-openstackclient, authentication)."""


class CredentialsFailed(Unreachable):
    """The credentials plugin of the kubeconfig gives none."""

    code = "credentials"


class CredentialsRefused(CredentialsFailed):
    """The API server answers, and does not accept the credentials (401)."""

    code = "credentials-refused"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a plugin handed out: a token, or a certificate with its key in PEM. Without `expires` they hold until they are refused."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: datetime | None = None

    @property
    def expired(self) -> bool:
        """Whether their own time is over."""
        return self.expires is not None and self.expires <= datetime.now(UTC)


class Plugin:
    """The program that a kubeconfig's user names; it is asked once for many threads, and again when what it gave has expired."""

    def __init__(self, access: Access, entry: Mapping[str, Any]) -> None:
        self._access, self._entry = access, entry
        self._where = f"the credentials plugin of context {access.context} of {access.kubeconfig}"
        self._lock = threading.Lock()
        self._asking: Future[Credentials] | None = None
        self._known: Credentials | None = None

    def credentials(self, seconds: float | None = None) -> Credentials:
        """What it handed out last, else what it hands out now; waits for that at most as long as it is given, or `seconds`.

        Raises CredentialsFailed.
        """
        with self._lock:
            known = self._known
            if known and not known.expired:
                return known
            asking = self._asking or self._ask()
        patience = 2 * PATIENCE if seconds is None else seconds
        try:
            return asking.result(patience)
        except TimeoutError:
            raise self._failed(f"has not answered within {patience:.1f} s, longer than what asks for it can wait") from None

    def refused(self, credentials: Credentials) -> None:
        """The API server does not accept these: the next ones are asked for anew."""
        with self._lock:
            if self._known is credentials:
                self._known = None

    def _ask(self) -> Future[Credentials]:
        """A thread of its own, so that who cannot wait as long, such as who renews a lock, need not."""
        asking: Future[Credentials] = Future()
        self._asking = asking

        def ask() -> None:
            try:
                found = self._run()
            except BaseException as error:
                self._take(None)
                asking.set_exception(error)
            else:
                self._take(found)
                asking.set_result(found)

        threading.Thread(target=ask, name="credentials", daemon=True).start()
        return asking

    def _take(self, found: Credentials | None) -> None:
        with self._lock:
            self._known, self._asking = found, None

    def _run(self) -> Credentials:
        if self._version not in VERSIONS:
            raise self._failed(f"is to speak {self._version or 'no version'}; expected {' or '.join(VERSIONS)}", self._new_file)
        if self._entry.get("interactiveMode") == "Always":
            raise self._failed("always asks at a terminal (interactiveMode: Always), which neither helmtool nor helm can give it")
        program = self._program()
        try:
            done = run_apart([program, *map(str, self._entry.get("args") or [])], env=self._environment(), timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise self._failed(
                f"({program}) did not end within {PATIENCE:.0f} s: does it wait for input? There is none for it here"
            ) from None
        except TooMuchOutput:
            raise self._failed(f"({program}) prints more than any credentials have", self._by_hand(program)) from None
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else "its name or an argument cannot be one"
            raise self._failed(f"({program}) cannot be started: {said}", self._install) from None
        return self._read(program, done)

    @property
    def _version(self) -> str:
        return str(self._entry.get("apiVersion") or "")

    @property
    def _new_file(self) -> str:
        return f"KUBECONFIG={self._access.kubeconfig} kubectl config view, or ask for a new kubeconfig"

    @property
    def _install(self) -> str:
        """How to get the program, in the kubeconfig's own words where it has some."""
        said = " ".join(redact_text(str(self._entry.get("installHint") or "")).split())
        return said[:LONGEST_SAID] or self._new_file

    def _program(self) -> str:
        """Where the program is: beside the kubeconfig for a relative path, on PATH for a mere name."""
        command = self._entry.get("command")
        if not command or not isinstance(command, str) or "\0" in command:
            raise self._failed("has no command that can be one (users[].user.exec.command)", self._new_file)
        found = shutil.which(command)
        if found is None:
            place = command if os.sep in command else f"{command} on PATH"
            raise self._failed(f"is not there: expected the program {place}, found none", self._install)
        return found

    def _environment(self) -> dict[str, str]:
        given = {
            str(e["name"]): str(e["value"]) for e in self._entry.get("env") or [] if isinstance(e, Mapping) and "name" in e and "value" in e
        }
        for name in KEYSTONE_SECRETS:
            if value := given.get(name) or os.environ.get(name):
                protect(value.encode())
        spec: dict[str, Any] = {"interactive": False}
        if self._entry.get("provideClusterInfo"):
            spec["cluster"] = self._cluster_info()
        info = {"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}
        return {**os.environ, **given, "KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _cluster_info(self) -> dict[str, Any]:
        cluster = cluster_of(self._access)
        kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
        info = {name: cluster[name] for name in kept if name in cluster}
        own = [
            e for e in cluster.get("extensions") or [] if isinstance(e, Mapping) and e.get("name") == "client.authentication.k8s.io/exec"
        ]
        return info | ({"config": own[0].get("extension")} if own else {})

    def _read(self, program: str, done: Completed) -> Credentials:
        """The credentials in what it printed; nothing of that is ever shown, for it may be a token."""
        if done.returncode != 0:
            said = " ".join(redact_text(done.stderr.decode(errors="replace")).split())[-LONGEST_SAID:]
            ended = f"({program}) ended with {done.returncode}"
            raise self._failed(f"{ended}: {said or 'it said nothing'}", recorded=ended)
        try:
            document = json.loads(done.stdout)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or document.get("kind") != "ExecCredential":
            raise self._failed(f"({program}) printed no credentials; expected an ExecCredential as JSON", self._by_hand(program))
        if document.get("apiVersion") != self._version:
            found = " ".join(redact_text(str(document.get("apiVersion"))).split())[:LONGEST_SAID]
            other = f"the kubeconfig expects {self._version}"
            raise self._failed(f"({program}) speaks {found}; {other}", self._new_file, f"({program}) speaks another version; {other}")
        status = document.get("status")
        return self._of_status(program, status if isinstance(status, dict) else {})

    def _of_status(self, program: str, status: Mapping[str, Any]) -> Credentials:
        values = [status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData")]
        for value in values:
            if not isinstance(value, str) or (not value.isprintable() and not value.startswith("-----BEGIN")):
                raise self._failed(f"({program}) gives a token or certificate that cannot be one", self._by_hand(program))
        token, certificate, key = values
        for secret in filter(None, (token, key)):
            protect(secret.encode())
        if bool(certificate) != bool(key) or not (token or key):
            raise self._failed(f"({program}) gives neither a token nor a certificate with its key", self._by_hand(program))
        try:
            found = Credentials(token, certificate, key, _moment(status.get("expirationTimestamp")))
        except ValueError:
            raise self._failed(
                f"({program}) gives an expirationTimestamp that is not a time as in RFC 3339", self._by_hand(program)
            ) from None
        # One that has expired already, by this machine's clock, is the API server's to judge, and not to be asked for with every request.
        return Credentials(token, certificate, key) if found.expired else found

    def _by_hand(self, program: str) -> str:
        return f"{program}, to see what it says; {NEW_TOKEN}"

    def _failed(self, what: str, hint: str = NEW_TOKEN, recorded: str = "") -> CredentialsFailed:
        """`recorded` is what a record keeps instead: the plugin's own words may hold anything."""
        return CredentialsFailed(f"{self._where} {what}", hint=hint, recorded=f"{self._where} {recorded or what}")


def plugin_of(access: Access) -> Plugin | None:
    """The plugin of the context's user; None if the kubeconfig has the credentials itself.

    None too for a server without TLS, which gets no credentials, as from client-go. Raises KubeconfigInvalid.
    """
    user = user_of(access)
    return Plugin(access, user["exec"]) if uses_plugin(user) and access.server.lower().startswith("https:") else None


def _moment(text: Any) -> datetime | None:
    """A time in the form of RFC 3339; None for null. Raises ValueError."""
    if text is None:
        return None
    if not re.fullmatch(RFC_3339, str(text)):
        raise ValueError
    return datetime.fromisoformat(text)
