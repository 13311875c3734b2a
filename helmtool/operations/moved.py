"""Whether a tag still names the image that was tested: what this and other environments ran under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from helmtool.errors import HelmtoolError, Problem, Refused
from helmtool.model.environment import Environment
from helmtool.model.revision import Revision, digest_of, running, tag_of
from helmtool.model.tag import StableTag
from helmtool.operations.ask import PATIENCE, ask_each
from helmtool.operations.look import look
from helmtool.operations.progress import Progress, Silent
from helmtool.operations.reach import reach
from helmtool.operations.resolve import Resolved, short
from helmtool.operations.session import Session
from helmtool.operations.settings import Settings


class TagMovedSince(Refused):
    """The tag names another image than the one that was released under it before."""

    code = "tag-moved"


class Seen(NamedTuple):
    """What an environment ran under a tag: a revision and its digest; or why that is not known."""

    environment: str
    revision: int = 0
    digest: str = ""
    unknown: str = ""

    def __str__(self) -> str:
        return f"{self.environment} has it as {self.digest} (revision {self.revision})"


async def require_same_image(
    session: Session, wanted: Resolved, revisions: Sequence[Revision], settings: Settings, progress: Progress
) -> None:
    """Compares the digest with what was released under the same tag, here and where else people released it.

    Where the environment's policy asks for stable tags, another digest is refused (TagMovedSince), elsewhere it is a warning. An
    environment that cannot be asked holds nothing up: it is named.
    """
    if not wanted.digest:
        return
    seen = [_seen(session.environment.name, revision) for revision in revisions if revision.served and _same(revision, wanted)]
    strict = session.environment.stable_tag is not StableTag.OFF
    if strict:
        seen += await _elsewhere(session, wanted, settings)
    for one in (s for s in seen if s.unknown):
        progress.skip("compare", f"{one.environment} is not asked for its image: {one.unknown}")
    others = [s for s in seen if s.digest and s.digest != wanted.digest]
    if others and not strict:
        progress.warn(f"{wanted.asked} has moved: it is {short(wanted.digest)} now, and {others[-1]}")
    elif others:
        raise TagMovedSince(
            f"{wanted.asked} names another image than before: the registry has {wanted.digest}",
            problems=[Problem(f"{other} under the same tag", path=other.environment) for other in others],
            hint=f"helmtool tag check {wanted.asked}; give the new image a tag of its own: helmtool tag next",
        )


async def _elsewhere(session: Session, wanted: Resolved, settings: Settings) -> list[Seen]:
    others = {e.name: e for e in session.environments.values() if e.name != session.environment.name and not e.embedded}
    found = await ask_each(list(others), lambda name: _ask(others[name], wanted, settings))
    return [seen or Seen(name, unknown=f"no answer within {PATIENCE:.0f} s") for name, seen in found.items()]


def _ask(other: Environment, wanted: Resolved, settings: Settings) -> Seen:
    """What the other environment runs, without a digest where it is another tag; asked through its own kubeconfig, whatever KUBECONFIG
    says of this one."""
    try:
        session = reach(other.name, settings.through(other.kubeconfig), Silent())
        current = running(look(session))
    except HelmtoolError as error:
        return Seen(other.name, unknown=error.message)
    return _seen(other.name, current) if current and _same(current, wanted) else Seen(other.name)


def _same(revision: Revision, wanted: Resolved) -> bool:
    return tag_of(revision).removesuffix("-stable") == wanted.asked.base


def _seen(name: str, revision: Revision) -> Seen:
    return Seen(name, revision.number, digest_of(revision))
