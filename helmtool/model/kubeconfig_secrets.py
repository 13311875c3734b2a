"""The secret values of a kubeconfig, for the redactor: client-go's messages can hold any entry of the file, not only the one in use."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

PUBLIC = re.compile(r"(?i)certificate|^client-key$|(?:file|path|dir|url|name|version)$|expir|^as-")
"""Settings whose names sound secret and whose values are not: certificates, and names of files and addresses."""
SECRET = re.compile(r"(?i)pass(?!ive|through)|pwd|secret|token|credential|bearer|cookie|private|key(?:$|[^a-z])|(?:^|[_-])auth$")
ADDRESS = re.compile(r"://([^\s/?#@]*(?:@[^\s/?#@]*)*)@")
"""What stands before the last @ of an address's host."""
RANDOM = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9+_=-]{24,}|eyJ[\w-]+\.[\w-]+\.[\w-]*|.*-----BEGIN [A-Z ]*PRIVATE KEY.*")
"""A text that can only be a token or a key, whatever its setting is called."""
FLAG = re.compile(r"(-{1,2}[\w.-]+|\w+)=(.*)", re.DOTALL)
PLACES = ("name", "user", "cluster", "namespace", "current-context", "server", "command", "kind")
"""Settings that name something, whatever their texts look like."""


def secrets_of_kubeconfig(document: Any) -> Iterator[bytes]:
    """The secret values of every entry of a kubeconfig, used or not, named twice or not; whatever form the document has.

    Files that it names are not read.
    """
    waiting, seen = [("", document)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, (Mapping, list, tuple)):
            if id(value) in seen:  # an anchor of YAML
                continue
            seen.add(id(value))
        if isinstance(value, Mapping):
            yield from _of_entry(value)
            waiting += [(name if _sounds_secret(name) else str(key), item) for key, item in value.items()]
            waiting += [(str(value.get("name")), value.get("value"))]  # a variable of a plugin
        elif isinstance(value, (list, tuple)):
            yield from _of_arguments(value) if name == "args" else ()
            waiting += [(name, item) for item in value]
        else:
            yield from _of_setting(name, value)


def secret_values(user: Mapping[str, Any], cluster: Mapping[str, Any]) -> Iterator[bytes]:
    """The secret values in a user's and a cluster's entry (what `user:` and `cluster:` hold); files that they name are not read."""
    yield from secrets_of_kubeconfig([user, cluster])


def _sounds_secret(name: str) -> bool:
    return bool(SECRET.search(name)) and not PUBLIC.search(name)


def _of_entry(entry: Mapping[str, Any]) -> Iterator[bytes]:
    """What HTTP's basic authentication makes of a name and a password."""
    name, password = entry.get("username"), entry.get("password")
    if _is_scalar(name) and _is_scalar(password) and password != "":
        yield f"{name}:{password}".encode(errors="surrogatepass")


def _of_setting(name: str, value: Any) -> Iterator[bytes]:
    """What is secret of one value: all of it by its name or look, or the password of an address in it."""
    if not _is_scalar(value):
        return
    text = str(value).strip()
    looks_secret = RANDOM.fullmatch(text) and name not in PLACES and not PUBLIC.search(name)
    if text and (looks_secret or _sounds_secret(name)):
        yield from _with_content(text)
    for found in ADDRESS.findall(text):
        yield from _of_login(found)


def _with_content(text: str) -> Iterator[bytes]:
    """The text, and what is in it if it is base64, as keys are."""
    yield text.encode(errors="surrogatepass")
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return
    if content.startswith(b"-----BEGIN "):
        yield content


def _of_login(login: str) -> Iterator[bytes]:
    """The password of `user:password` in an address, as it stands there and as it is meant; of a name alone, which may be a token, that."""
    from urllib.parse import unquote

    password = login.partition(":")[2] or login
    for text in {login, unquote(login), password, unquote(password)} if ":" in login else {password, unquote(password)}:
        yield text.encode(errors="surrogatepass")


def _of_arguments(words: list[Any] | tuple[Any, ...]) -> Iterator[bytes]:
    """What a plugin's arguments give to flags such as `--token`, after `=` or as the next word."""
    texts = [str(word) for word in words]
    for word, following in zip(texts, [*texts[1:], ""], strict=True):
        if found := FLAG.fullmatch(word):
            yield from _of_setting(found[1].lstrip("-"), found[2])
        elif word == "-p" or (word.startswith("-") and _sounds_secret(word)):
            yield from _of_setting("secret", "" if following.startswith("--") else following)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
