"""Work on several environments: how many at once, what the first error and a Ctrl-C stop, and what is told of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from helmtool.errors import Interrupted, OperationFailed, Refused, UsageError, gravest
from helmtool.model.rollout_view import RolloutView
from helmtool.operations.fleet import Ended, Gathered, Named, Round, on_each, own_settings
from helmtool.operations.fleet_release import Member, Outcome, require_complete
from helmtool.operations.progress import Silent
from helmtool.operations.settings import Settings

NAMES = ["a", "b", "c", "d", "e"]
CHECKOUT = Path(__file__).parents[3]


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def start(self, step: str, text: str) -> None:
        self.lines.append(f"start {step} {text}")

    def done(self, step: str, text: str) -> None:
        self.lines.append(f"done {step} {text}")

    def warn(self, text: str) -> None:
        self.lines.append(f"warn {text}")


def each(work: Callable[[str], Awaitable[str]], at_once: int = 2, *, stop_on_error: bool = False) -> Round[str]:
    return asyncio.run(on_each(NAMES, at_once, work, stop_on_error=stop_on_error))


def test_at_most_so_many_at_once_and_the_results_in_order() -> None:
    now = most = 0

    async def work(name: str) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.03 if name == "a" else 0.01)
        now -= 1
        return name.upper()

    done = each(work)
    assert most == 2
    assert [(name, ended.result) for name, ended in done.ended.items()] == [(name, name.upper()) for name in NAMES]
    assert done.ended["a"].seconds > 0.02


@pytest.mark.parametrize(("stop", "begun"), [(True, ["a", "b", "c"]), (False, NAMES)])
def test_the_first_error_keeps_others_from_being_begun_and_ends_none(stop: bool, begun: list[str]) -> None:
    async def work(name: str) -> str:
        if name == "b":
            await asyncio.sleep(0.02)
            raise OperationFailed("no")
        await asyncio.sleep(0.01 if name == "a" else 0.06)
        return name

    done = each(work, stop_on_error=stop)
    assert list(done.ended) == begun
    assert list(done.errors) == ["b"]
    assert done.ended["c"].result == "c"  # was under way when b failed
    assert not done.interrupted


def test_a_cancel_reaches_all_that_is_under_way_and_waits_for_them() -> None:
    cleaned: list[str] = []

    async def work(name: str) -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            cleaned.append(name)
            if name == "a":
                raise Interrupted("rolled back") from None
            raise
        return name

    async def cancelled() -> Round[str]:
        task = asyncio.create_task(on_each(NAMES, 2, work))
        await asyncio.sleep(0.02)
        task.cancel()
        return await task

    done = asyncio.run(cancelled())
    assert sorted(cleaned) == ["a", "b"]
    assert list(done.ended) == ["a", "b"]
    assert (done.interrupted, done.ended["b"]) == (True, Ended())
    assert isinstance(done.errors["a"], Interrupted)
    with pytest.raises(Interrupted):
        done.require_not_interrupted()


def test_a_mistake_is_raised_once_the_others_have_ended() -> None:
    ended: list[str] = []

    async def work(name: str) -> str:
        if name == "a":
            raise KeyError(name)
        await asyncio.sleep(0.02)
        ended.append(name)
        return name

    with pytest.raises(KeyError):
        each(work)
    assert ended == ["b"]


def test_news_carry_the_name_and_a_rollout_is_told_when_it_changes() -> None:
    heard = Heard()
    named = Named("test7", heard)
    for text in ("policy is off for test7", "helm upgrade"):
        named.done("x", text)
    for text in ("0 of 1", "0 of 1", "1 of 1"):
        named.watching(RolloutView("Deployment/x", text, 0, 1, 1.0))
    assert heard.lines == [
        "done x policy is off for test7",
        "done x test7: helm upgrade",
        "start watch test7: 0 of 1",
        "start watch test7: 1 of 1",
    ]


def test_warnings_that_several_share_are_told_once() -> None:
    heard, gathered = Heard(), Gathered()
    for name in ("b", "a", "c"):
        named = Named(name, heard, gathered)
        named.done("guard", "quiet")
        named.warn(f"{name} is known by its name alone")
    named.warn("c has moved")
    assert heard.lines == []
    gathered.tell(["a", "b", "c"], heard)
    assert heard.lines == ["warn a, b, c: known by its name alone", "warn c: c has moved"]


@pytest.mark.parametrize(("given", "option"), [(Settings(kubeconfig="k"), "--kubeconfig"), (Settings(kube_context="c"), "--kube-context")])
def test_one_kubeconfig_is_not_for_several(given: Settings, option: str) -> None:
    with pytest.raises(UsageError, match=f"{option} is of one cluster, and there are 2 environments"):
        own_settings(["prod", "preprod"], given)


def test_each_has_its_own_kubeconfig() -> None:
    found = own_settings(["prod", "local"], Settings(CHECKOUT))
    assert found["prod"].kubeconfig == "~/K8s_tokens/config.cmsweb-k8s-services-prod"
    assert found["local"].kubeconfig is None


@pytest.mark.parametrize(
    ("codes", "worst"), [([], 0), ([0, 2], 2), ([2, 1], 1), ([1, 3, 0], 3), ([3, 4, 2], 4), ([5, 4, 1], 5), ([130, 5], 130)]
)
def test_the_gravest_exit_code(codes: list[int], worst: int) -> None:
    assert gravest(codes) == worst


def member(name: str, outcome: Outcome, error: OperationFailed | Interrupted | Refused | None = None) -> Member:
    return Member(name, outcome, None, error=error)  # type: ignore[arg-type]


def test_what_is_left_is_said_with_the_command_for_it() -> None:
    members = [member("a", Outcome.RELEASED), member("b", Outcome.FAILED, OperationFailed("no pod")), member("c", Outcome.NOT_BEGUN)]
    with pytest.raises(OperationFailed) as caught:
        require_complete(members, "HG0105a")
    assert caught.value.message == "HG0105a does not run in every environment: 1 released, 1 failed, 1 not begun"
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [("b", "no pod")]
    assert caught.value.hint == "helmtool release b c HG0105a"
    assert [m.next_command("HG0105a") for m in members] == ["", "helmtool history b", "helmtool release c HG0105a"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(Interrupted("x"), 130), (OperationFailed("x"), 1), (Refused("locked"), 1)],
    ids=["interrupted", "failed", "refused"],
)
def test_the_exit_code(error: Interrupted | OperationFailed, code: int) -> None:
    with pytest.raises((OperationFailed, Interrupted)) as caught:
        require_complete([member("a", Outcome.FAILED, error), member("b", Outcome.NOT_BEGUN)], "HG0105a")
    assert caught.value.exit_code == code


def test_all_is_well() -> None:
    require_complete([member("a", Outcome.RELEASED), member("b", Outcome.UNCHANGED)], "HG0105a")
