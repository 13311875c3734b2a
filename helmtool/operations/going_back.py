"""When a release fails or is interrupted: the evidence is kept, and what ran before serves again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from helmtool.adapters.credentials import CredentialsFailed
from helmtool.adapters.storage import read_history
from helmtool.errors import HelmtoolError, Interrupted, OperationFailed, Unexpected
from helmtool.model.revision import Revision, last, next_number, running
from helmtool.operations.explain import explain
from helmtool.operations.rollback import go_back
from helmtool.operations.together import finish, uncancel
from helmtool.operations.upgrade import Work

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class ReleaseFailed(OperationFailed):
    """The release failed; the message says what serves now."""

    code = "release-failed"


class ReleaseInterrupted(Interrupted):
    """The release was interrupted; the message says what serves now."""


async def after_failure(work: Work, error: HelmtoolError) -> HelmtoolError:
    """Goes back, and gives the error that says both; raises LockLost where nothing may be written any more."""
    work.lock.require()
    interrupted = isinstance(error, Interrupted)
    work.progress.warn(f"the release {'interrupted' if interrupted else 'failed'}: {error.message}")
    name = work.session.environment.name
    try:
        state, remedy = await _to_the_end(_explain_and_go_back(work, error), work, interrupted=interrupted)
    except asyncio.CancelledError:
        uncancel()
        work.lock.require()  # a lock that is lost cancels too, and says more
        return ReleaseInterrupted(f"{error.message}; interrupted again while going back: left as it is", hint=f"helmtool status {name}")
    hint = f"helmtool history {name}" + (f"; {error.hint}" if error.hint and not _is_gone(error.hint, state) else "")
    if remedy := remedy or (error.hint if isinstance(error, CredentialsFailed) else ""):
        hint = f"{remedy}; then: helmtool status {name}"
    kind = ReleaseInterrupted if interrupted else ReleaseFailed
    return kind(f"{error.message}; {state}", problems=error.problems, hint=hint, cause_codes=error.cause_codes)


def _is_gone(command: str, state: str) -> bool:
    """Whether the command asks for a pod that a rollback has taken away."""
    return state.startswith("rolled back") and any(f" {word} " in command for word in ("pod", "logs", "exec", "history"))


async def _to_the_end(going: Coroutine[Any, Any, Result], work: Work, *, interrupted: bool) -> Result:
    """Goes back, and lets the first Ctrl-C of all not end that: whose release has failed may not have seen yet that it goes back."""
    task = asyncio.ensure_future(going)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if interrupted or work.lock.lost:
                task.cancel()
                await finish(task)
                raise
            uncancel()
            interrupted = True
            work.progress.warn("it goes back to what served before; Ctrl-C once more leaves it as it is")


async def _explain_and_go_back(work: Work, error: HelmtoolError) -> tuple[str, str]:
    with _not_in_the_way("the cause is not known"):
        await asyncio.to_thread(explain, work.session.cluster, work.plan.manifests, error, work.plan.composed.values.origin)
    with _not_in_the_way("the failure is not recorded"):  # it is shown too
        outcome = "interrupted" if isinstance(error, Interrupted) else "failed"
        await work.journal.write(next_number(work.plan.revisions), outcome, error)
    return await _go_back(work)


@contextlib.contextmanager
def _not_in_the_way(consequence: str) -> Iterator[None]:
    """What fails in here keeps nothing from the rollback, which matters more."""
    try:
        yield
    except Exception:
        log.debug("%s", consequence, exc_info=True)


async def _go_back(work: Work) -> tuple[str, str]:
    """Rolls back to what served before; says what serves now, and what to type first where the credentials end it."""
    before = running(work.plan.revisions)
    if before is None:
        return "nothing served before, so nothing is rolled back", ""
    if not work.options.rollback:
        return "left as it is (--no-rollback)", ""
    work.progress.start("rollback", f"to revision {before.number}")
    try:
        state = await _rolled_back(work, before)
    except CredentialsFailed as error:
        return f"nothing is rolled back ({error.message}); left as it is: {work.lock.reached}", error.hint
    except HelmtoolError as error:
        return f"the rollback to revision {before.number} failed too: {error.message}", ""
    except Exception as error:
        return f"the rollback to revision {before.number} failed too: {Unexpected(error).message}", ""
    return state, ""


async def _rolled_back(work: Work, before: Revision) -> str:
    """What serves now. An error that is none of helmtool's own came before Helm was started: then it is tried once more."""
    try:
        return await _roll_back(work, before)
    except HelmtoolError:
        raise
    except Exception:
        log.debug("the rollback", exc_info=True)
        return await _roll_back(work, before)


async def _roll_back(work: Work, before: Revision) -> str:
    session, plan = work.session, work.plan
    history = await asyncio.to_thread(read_history, session.cluster, session.environment.release)
    if last(history) == last(plan.revisions):
        return f"Helm has changed nothing, revision {before.number} serves"
    if next_number(history) > next_number(plan.revisions) + 1:
        return "somebody else has released since, so nothing is rolled back"
    action = f"rollback to {before.number} (automatic)"
    number = await go_back(session, before, history, action, work.options.timeout, work.progress, work.lock)
    work.progress.done("rollback", f"revision {number} serves what revision {before.number} was")
    return f"rolled back: revision {number} serves what revision {before.number} was"
