"""Releases one tag to several environments: all are planned first, one goes ahead alone, the others follow until one fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from helmtool.errors import HelmtoolError, Interrupted, OperationFailed, Problem, Refused, gravest
from helmtool.model.change import summary
from helmtool.model.tag import parse_tag
from helmtool.operations.fleet import Ended, Gathered, Named, Round, give_room, on_each, own_settings
from helmtool.operations.progress import Progress
from helmtool.operations.release import Planned, Released, ReleaseOptions, carry_out, plan_release, without_writing
from helmtool.operations.settings import Settings


class Outcome(Enum):
    """How the release to one of several environments ended."""

    PLANNED = "planned"
    RELEASED = "released"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    NOT_BEGUN = "not begun"


DONE = (Outcome.PLANNED, Outcome.RELEASED, Outcome.UNCHANGED)


class Member(NamedTuple):
    """One environment of the release; `revision` serves there (nothing where that is not known), `seconds` is what the writing took."""

    environment: str
    outcome: Outcome
    planned: Planned
    released: Released | None = None
    error: HelmtoolError | None = None
    seconds: float | None = None

    def next_command(self, tag: str) -> str:
        """What to type for an environment that does not run the tag; empty where it does."""
        if self.outcome in DONE:
            return ""
        if self.outcome is Outcome.NOT_BEGUN:
            return f"helmtool release {self.environment} {tag}"
        return f"helmtool {'history' if self.outcome is Outcome.FAILED else 'status'} {self.environment}"


class FleetFailed(OperationFailed):
    """Not every environment runs the tag; `problems` says why."""

    code = "fleet-failed"


async def release_each(
    names: Sequence[str],
    tag: str,
    options: ReleaseOptions,
    at_once: int,
    settings: Settings,
    progress: Progress,
    confirm: Callable[[Sequence[Planned]], None],
) -> list[Member]:
    """Plans all, and where all of them can be made, shows them to `confirm`, which raises where the answer is no.

    Then the first is released alone. Once it serves and is verified the others follow, at most `at_once` at the same time, until one
    fails or a Ctrl-C comes: no further one is begun then. Raises what a plan raises, before anything was written anywhere.
    """
    parse_tag(tag)
    own, warnings = own_settings(names, settings), Gathered()
    give_room(at_once)

    async def plan(name: str) -> Planned:
        planned = await plan_release(name, tag, options, own[name], Named(name, progress, warnings))
        Named(name, progress).done("plan", _told(planned))
        return planned

    async def make(name: str) -> Released:
        planned, listener = plans[name], Named(name, progress)
        if not planned.writes:
            return await without_writing(planned, options, listener)
        return await carry_out(planned, options, listener, asked=True)

    planning = await on_each(names, at_once, plan)
    warnings.tell(names, progress)
    planning.require_not_interrupted()
    _require_all(planning, len(names), tag)
    plans = {name: ended.result for name, ended in planning.ended.items() if ended.result}
    if options.dry_run:
        return [Member(name, Outcome.PLANNED, plans[name]) for name in names]
    if any(planned.writes for planned in plans.values()):
        confirm([plans[name] for name in names])
    ahead = await on_each(names[:1], 1, make)
    goes_on = not ahead.errors and not ahead.interrupted
    rest = await on_each(names[1:], at_once, make, stop_on_error=True) if goes_on else Round({})
    ended = {**ahead.ended, **rest.ended}
    return [_member(name, plans[name], ended.get(name)) for name in names]


def require_complete(members: Sequence[Member], tag: str) -> None:
    """Raises FleetFailed, or Interrupted where only that is the reason, if an environment does not run the tag."""
    left = [member for member in members if member.outcome not in DONE]
    if not left:
        return
    outcomes = [member.outcome for member in members]
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome.value}" for outcome in Outcome if outcome in outcomes)
    problems = [Problem(member.error.message, path=member.environment) for member in left if member.error]
    kind = Interrupted if all(not m.error or isinstance(m.error, Interrupted) for m in left) else FleetFailed
    hint = f"helmtool release {' '.join(member.environment for member in left)} {tag}"
    raise kind(f"{tag} does not run in every environment: {counts}", problems=problems, hint=hint)


def _told(planned: Planned) -> str:
    return summary(planned.plan.changes) if planned.writes else f"{planned.plan.composed.image_name} runs already"


def _require_all(planning: Round[Planned], count: int, tag: str) -> None:
    """Raises the gravest error of the plans with all of them in it."""
    errors = planning.errors
    if not errors:
        return
    worst = gravest(error.exit_code for error in errors.values())
    name, error = next((name, error) for name, error in errors.items() if error.exit_code == worst)
    if len(errors) == 1:
        error.message = f"{name}: {error.message}; nothing was written in any of the {count} environments"
    else:
        error.problems = tuple(p for place, one in errors.items() for p in (Problem(one.message, path=place), *one.problems))
        error.message = f"the release is refused by {len(errors)} of {count} environments; nothing was written in any of them"
        error.hint = f"helmtool release {name} {tag} --dry-run"
    raise error


def _member(name: str, planned: Planned, ended: Ended[Released] | None) -> Member:
    if ended is None or (ended.error is None and ended.result is None):
        return Member(name, Outcome.NOT_BEGUN, planned)
    return Member(name, _outcome(ended), planned, ended.result, ended.error, ended.seconds)


def _outcome(ended: Ended[Released]) -> Outcome:
    if ended.result:
        return Outcome.RELEASED if ended.result.deployed else Outcome.UNCHANGED
    kinds: Mapping[type[HelmtoolError], Outcome] = {Interrupted: Outcome.INTERRUPTED, Refused: Outcome.REFUSED}
    return next((outcome for kind, outcome in kinds.items() if isinstance(ended.error, kind)), Outcome.FAILED)
