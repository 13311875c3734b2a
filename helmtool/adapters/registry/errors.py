"""What can go wrong between here and a registry. No message holds a credential, an address' query or the text of an answer."""

from __future__ import annotations

from helmtool.errors import InvalidInput, Unreachable

LOGIN = (
    "log in: podman login {host}, docker login {host} or helm registry login {host} (at CERN with the CLI secret of your registry profile)"
)


class RegistryUnreachable(Unreachable):
    """A registry does not answer, or not in time."""

    code = "registry-unreachable"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} cannot be reached: {reason}", hint=f"curl -I https://{host}/v2/; a proxy is set by HTTPS_PROXY and NO_PROXY"
        )


class RegistryFailed(Unreachable):
    """A registry answers that it cannot."""

    code = "registry-failed"

    def __init__(self, host: str, status: int, what: str) -> None:
        super().__init__(f"{host} answered {status} to {what}", hint="wait, then run it again; is the registry being serviced?")
        self.status = status


class RateLimited(Unreachable):
    """A registry asks for a pause that is too long to wait for."""

    code = "registry-rate-limit"

    def __init__(self, host: str, seconds: float | None) -> None:
        when = f"in {seconds:.0f} s" if seconds is not None else "in some minutes"
        super().__init__(f"{host} answered 429, too many requests", hint=f"run it again {when}; who is logged in may ask for more")


class LoginNeeded(Unreachable):
    """A registry wants credentials, and there are none, or others."""

    code = "registry-login"

    def __init__(self, host: str, what: str, source: str) -> None:
        found = f"it refuses those of {source}" if source else "no credentials for it were found"
        super().__init__(f"{host} wants credentials to {what}, and {found}", hint=LOGIN.format(host=host))


class RegistryForbids(Unreachable):
    """A registry knows who asks, and says no."""

    code = "registry-forbidden"

    def __init__(self, host: str, what: str, source: str) -> None:
        who = f"to the account of {source}" if source else "to people who are not logged in"
        hint = "ask the project's administrators for the right" if source else LOGIN.format(host=host)
        super().__init__(f"{host} does not allow {who} to {what}", hint=hint)


class NotFound(InvalidInput):
    """What was asked for is not in the registry, or hidden from who asks: Harbor answers 404 for both."""

    code = "not-in-registry"

    def __init__(self, host: str, name: str, source: str, hint: str = "") -> None:
        hidden = f"or the account of {source} may not see it" if source else "or is hidden from people who are not logged in"
        super().__init__(f"{name} does not exist, {hidden}", hint=hint or f"helmtool tag list; {LOGIN.format(host=host)}")


class CredentialsUnreadable(InvalidInput):
    """A file or a helper of credentials cannot be used."""

    code = "registry-credentials"
