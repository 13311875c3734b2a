"""What a person types to bring changed files of a services_config checkout to everybody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from helmtool.adapters.git import Git, steps


def git_steps(changed: Sequence[Path], message: str) -> list[str]:
    """The commands of git, in order; none where nothing has changed or nothing is in git. Files of several checkouts: the first's."""
    if not changed:
        return []
    root = Git(changed[0].parent).root()
    inside = [path for path in changed if root and path.resolve().is_relative_to(root.resolve())]
    return steps(root, inside, message)
