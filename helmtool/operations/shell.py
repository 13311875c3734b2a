"""A command in the service's own pod."""

from __future__ import annotations

from collections.abc import Sequence

from helmtool.operations.pods import choose, find_service
from helmtool.operations.progress import Progress
from helmtool.operations.settings import Settings


def run_command(name: str, argv: Sequence[str], settings: Settings, progress: Progress) -> int:
    """Runs it in the pod that serves, else in the newest, with this process's streams; gives its exit code.

    Raises NoPod, ExecFailed, ClusterForbidden, ClusterUnreachable, and what the guard raises.
    """
    from helmtool.adapters.attach import run_in_pod

    service = find_service(name, settings, progress)
    pod = choose(service)
    progress.done("pod", pod["metadata"]["name"])
    return run_in_pod(service.cluster, pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], argv, f"helmtool describe {name}")
