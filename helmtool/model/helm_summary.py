"""What Helm's error text says, in words of our own: for records, which must not repeat the text of another program."""

from __future__ import annotations

import re

OBJECT = re.compile(r'\b([A-Za-z]{1,100}(?:\.[a-z0-9.]{1,253})?) "([a-z0-9.-]{1,253})" (?:is |was )?(invalid|forbidden|not found)')
FIELD = re.compile(
    r"\b([a-z][\w./\[\]-]{0,200}): (?:Invalid value|Required value|Forbidden|Unsupported value|Not found|Duplicate value|Too (?:long|many))"
)
MOST_FIELDS = 5
HOOK = re.compile(r"\b((?:pre|post)-(?:install|upgrade|rollback|delete))\b")
RIGHT = re.compile(r'cannot ([a-z]{1,100}) resource "([a-z0-9./-]{1,300})"')
TEMPLATE = re.compile(r"(?<![\w./-])(?:[\w.-]{1,255}/){1,20}[\w.-]{1,255}\.(?:yaml|yml|tpl|txt)(?::\d+){0,2}")
CLASSES = (
    ("conflict", "other managers have set fields that it would set"),
    ("cannot be imported into the current release", "an object exists that Helm does not manage for this release"),
    ("timed out", "it timed out"),
    ("deadline exceeded", "it timed out"),
    ("release: not found", "there is no such release"),
    ("immutable", "a field cannot be changed"),
    ("internal error", "the API server had an internal error"),
    ("etcdserver", "the API server had an internal error"),
    ("too many requests", "the API server asks for a pause"),
    ("exit code", "it ended without a message"),
)
"""What is in the text in lower case, and what it means."""
NETWORK = ("connection refused", "no such host", "i/o timeout", "connection reset", "certificate", "eof")
LISTS = {"AuthInfo": "user", "Cluster": "cluster", "Context": "context"}


def summarize_failure(text: str) -> str:
    """Why an operation failed: the object and fields that the API server refuses, a hook, or one of the known classes."""
    found = [f"{m[1]} {m[2]} is {m[3]}" for m in OBJECT.finditer(text)][:1]
    fields = list(dict.fromkeys(FIELD.findall(text)))[:MOST_FIELDS]
    found += [f"fields: {', '.join(fields)}"] if fields else []
    found += [f"hook {m[1]}" for m in HOOK.finditer(text)][:1]
    found += [meaning for sign, meaning in CLASSES if sign in text.lower()][:1]
    return "helm failed: " + ("; ".join(found) or "the reason is in the output of the command")


def summarize_network(text: str) -> str:
    """Why the API server was not reached."""
    return next((sign for sign in NETWORK if sign in text.lower()), "no connection")


def summarize_right(text: str) -> str:
    """The verb and resource that the API server forbids."""
    found = RIGHT.search(text)
    return f"{found[1]} {found[2]}" if found else "a right is missing"


def summarize_rendering(text: str) -> str:
    """Where the chart does not render."""
    found = TEMPLATE.search(text)
    return f"the chart does not render: {found[0]}" if found else "the chart does not render"


def kubeconfig_fault(text: str) -> tuple[str, str] | None:
    """The file and what is wrong with it, if client-go cannot load the kubeconfig; None for any other text.

    client-go's own text is not used: for an entry that is named twice it holds all entries, with their keys and passwords.
    """
    twice = re.search(r'\*\[\]Named(\w+) into .{0,200}?duplicate name "((?:[^"\\]|\\.){1,200})" in list', text)
    file = re.search(r'error loading config file "([^"]{1,4096})"', text)
    if not twice and not file:
        return None
    fault = f"it names the {LISTS.get(twice[1], 'entry')} {twice[2]!r} twice" if twice else "it cannot be read as a kubeconfig"
    return (file[1] if file else "", fault)
