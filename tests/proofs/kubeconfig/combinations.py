"""Which values of the dimensions are tried together, and what becomes of an id such as `users=token proxies=url-socks5`."""

from __future__ import annotations

from pathlib import Path
from random import Random

from clusters import CLUSTERS, PATHS
from draft import Draft, encoded
from files import FILES, written
from keys import Keys
from proxies import PROXIES
from users import USERS, Change, token


def _exec(draft: Draft) -> None:
    draft.kind = "exec"


DIMENSIONS: dict[str, dict[str, Change]] = {
    "users": USERS,
    "paths": PATHS,
    "proxies": PROXIES,
    "clusters": CLUSTERS,
    "requests": {"exec": _exec},
    "files": FILES,
}
"""In the order in which they change a draft: files come last, for they write it down."""


FOUND = (
    "users=as-everything requests=exec",
    "users=plugin-certificate requests=exec",
    "users=plugin clusters=upper-case-scheme",
    "paths=ca-folder proxies=url-http-server",
    "paths=client-missing clusters=http",
    "proxies=HTTPS_PROXY requests=exec",
    "proxies=http-server-HTTP_PROXY requests=exec",
    "proxies=url-http clusters=ipv6",
    "proxies=url-https clusters=http",
    "proxies=url-socks5 requests=exec",
    "clusters=tls-server-name-wrong requests=exec",
)
"""Combinations that a kubeconfig reader or a client gets wrong though each value alone is right."""


def singles() -> list[str]:
    """Each value of each dimension alone."""
    return ["default", *(f"{dimension}={name}" for dimension, values in DIMENSIONS.items() for name in values)]


def combinations(count: int, seed: str) -> list[str]:
    """Ids: first each value alone and `FOUND`, then random pairs of values of different dimensions, some with a third one or as an exec."""
    chance = Random(seed)
    found = dict.fromkeys((*singles(), *FOUND))
    while len(found) < count:
        dimensions = chance.sample([name for name in DIMENSIONS if name != "requests"], chance.choice([2, 2, 3]))
        parts = [f"{name}={chance.choice(list(DIMENSIONS[name]))}" for name in DIMENSIONS if name in dimensions]
        parts += ["requests=exec"] if chance.random() < 0.25 else []
        if _comparable(identity := " ".join(parts)):
            found[identity] = None
    return list(found)


def _comparable(identity: str) -> bool:
    """Whether both programs can be compared.

    An exec needs the list of resources, which kubectl tries for a minute to get from a server that closes the connection. With an account
    in the server's address kubectl has no WebSocket at all, and asks a plugin for a certificate only, while TLS is set up.
    """
    execs, account = "requests=exec" in identity, "clusters=account" in identity
    return not (execs and ("dead" in identity or account)) and not (account and "users=plugin" in identity)


def made(identity: str, folder: Path, ports: dict[str, int], keys: Keys) -> Draft:
    """The combination with its files written. What an id does not name is the default: a token, a CA, no proxy, one file."""
    chosen = dict(part.split("=", 1) for part in identity.split() if "=" in part)
    draft = Draft(folder, ports, keys, cluster={"certificate-authority-data": encoded(keys.ca.certificate)})
    token_alone = "users" not in chosen and not chosen.get("paths", "").startswith("client-")
    if token_alone:
        token(draft)
    for dimension, values in DIMENSIONS.items():
        if dimension in chosen:
            values[chosen[dimension]](draft)
    if "files" not in chosen:
        written()(draft)
    return draft
