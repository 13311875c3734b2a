"""Causes in a container's own last words: what the image's scripts, Kerberos, Python and the C library say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from helmtool.model.causes.catalogue import make
from helmtool.model.causes.cause import Cause, Certainty
from helmtool.model.causes.pods import Container, all_containers, is_repeated, killer, names
from helmtool.model.observation import Observation

TAIL = 15
"""Lines from the end of a log that are looked at: what stands further up was survived."""


class Rule(NamedTuple):
    """Words of a log line and the cause they show. `heals` are those that may go away while the container tries again."""

    code: str
    pattern: re.Pattern[str]
    heals: bool = False


def _rule(code: str, pattern: str, *, heals: bool = False) -> Rule:
    return Rule(code, re.compile(pattern, re.IGNORECASE), heals)


RULES = (
    _rule("kdc-unreachable", r"no KDC answers for|Cannot contact any KDC|Cannot find KDC|Cannot resolve .*KDC", heals=True),
    _rule(
        "kerberos",
        r"ERROR .*(?:no keytab in|several keytabs|\bis not a keytab|holds no key|holds keys of several|is not the key of|"
        r"KDC does not know|k5start|no ticket for|Kerberos|clock of this node|may not be read by|has expired|is locked)|"
        r"Preauthentication failed|Decrypt integrity check failed|Client .*not found in Kerberos database",
    ),
    _rule("application-missing", r"ERROR .*(?:has no scripts/dqmgui\.sh|/home/cmsusr/dqmgui/? is missing)"),
    _rule("work-dir-in-use", r"is in use: .*(?:waiting up to|was not let go)", heals=True),
    _rule("work-dir-unusable", r"work directory cannot be made|lock cannot be opened for writing|cannot lock a file"),
    _rule("build-fails", r"ERROR scripts/build\.sh ended with"),
    _rule(
        "dns",
        r"Temporary failure in name resolution|Name or service not known|Could not resolve host|no such host|server can't find",
        heals=True,
    ),
    _rule("port-in-use", r"Address already in use|EADDRINUSE|errno 98\b"),
    _rule("read-only", r"Read-only file system|EROFS|volume read-only"),
    _rule("disk-full", r"No space left on device|ENOSPC|Disk quota exceeded", heals=True),
    _rule("permission-denied", r"Permission denied|EACCES|Operation not permitted"),
    _rule("certificates", r"WARNING not copied: "),
)
"""In the order in which one hinders the next."""
HARMLESS = re.compile(r"^INFO |^cp: |going on without", re.IGNORECASE)
"""Lines that no cause but one that heals, or the certificates', is read from: the start script goes on after a copy that failed."""


def log_causes(observation: Observation) -> Iterator[Cause]:
    """What the last words of containers that ended, or are not ready, say."""
    for container in all_containers(observation):
        for rule in RULES:
            line = _line(observation, container, rule)
            if line and not container.is_ready:
                yield _cause(observation, container, rule, line)


def what_heals(observation: Observation, container: Container) -> bool:
    """Whether the container's last words blame something that may heal."""
    first = next((rule for rule in RULES if rule.code != "certificates" and _line(observation, container, rule)), None)
    return first is not None and first.heals


def shown(observation: Observation, key: tuple[str, str]) -> list[str]:
    """The last lines of a container, without empty ones."""
    return [line for line in observation.logs.get(key, ()) if line.strip()]


def _line(observation: Observation, container: Container, rule: Rule) -> str:
    lines = shown(observation, container.key)[-TAIL:]
    keep = [line for line in lines if rule.heals or not HARMLESS.search(line)]
    return next((line for line in reversed(keep) if rule.pattern.search(line)), "")


def _cause(observation: Observation, container: Container, rule: Rule, line: str) -> Cause:
    given = {**names(observation, container.pod, container), "said": line.strip()}
    by_itself = is_repeated(container) and not killer(observation, container)  # a probe's kill says more than a line
    certainty = Certainty.CERTAIN if by_itself and not rule.heals else Certainty.LIKELY
    lines = shown(observation, container.key)
    after = lines[lines.index(line) + 1 : lines.index(line) + 2]
    return make(rule.code, given, [f"log: {text}" for text in (line, *(t for t in after if "next:" in t))], certainty)
