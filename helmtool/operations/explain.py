"""Finds the cause behind an error that no rollout gave: of a preflight, of Helm's own, or of a check of what runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helmtool.adapters.cluster import Cluster
from helmtool.errors import HelmtoolError
from helmtool.model.causes import Cause, rank, refusal
from helmtool.model.manifest import Manifest, key_of
from helmtool.operations.evidence import with_logs
from helmtool.operations.observe import observe
from helmtool.operations.verify import VerifyFailed
from helmtool.operations.watch import SHOWN, Origins, problems_of


def explain(cluster: Cluster, manifests: Sequence[Manifest], error: HelmtoolError, origin: Origins) -> None:
    """Puts the causes of a failed release before the problems of its error, where it has none yet and some are known.

    Of a verification from what its pods say now, of any other error from its words. Never raises: the error says enough.
    """
    if error.cause_codes:
        return
    try:
        causes = _of_pods(cluster, manifests) if isinstance(error, VerifyFailed) else []
    except HelmtoolError:
        causes = []
    found = refusal(error.message, {"namespace": cluster.namespace}) if not causes else None
    add_causes(error, causes or ([found] if found else []), origin)


def add_causes(error: HelmtoolError, causes: Sequence[Cause], origin: Origins) -> None:
    """Puts causes before the problems of an error, and the best one's next command in its hint."""
    if causes:
        told = [problem for cause in causes[:SHOWN] for problem in problems_of(cause, origin)]
        error.problems = (*told, *error.problems)
        error.hint = causes[0].next or error.hint
        error.cause_codes = tuple(cause.code for cause in causes)


def refusals(said: Mapping[str, Manifest | None], namespace: str) -> list[Cause]:
    """The causes behind several refusals of the API server, each with the object that was tried; each code once."""
    given = {"namespace": namespace}
    found = [cause for text, manifest in said.items() if (cause := refusal(text, given, manifest))]
    return list({cause.code: cause for cause in reversed(found)}.values())[::-1]


def _of_pods(cluster: Cluster, manifests: Sequence[Manifest]) -> list[Cause]:
    deployment = next((m for m in manifests if m.get("kind") == "Deployment"), None)
    return rank(with_logs(cluster, observe(cluster, key_of(deployment), 0.0))) if deployment else []
