"""How an operation tells what it does, without knowing who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from helmtool.model.rollout_view import RolloutView


class Progress(Protocol):
    """Takes the news of an operation; the command line shows them, tests collect them."""

    def start(self, step: str, text: str) -> None:
        """A step that may take more than a second begins, or its state has changed."""

    def done(self, step: str, text: str) -> None:
        """A step is complete."""

    def skip(self, step: str, reason: str) -> None:
        """A step is left out, and why."""

    def warn(self, text: str) -> None:
        """Something that does not stop the operation, but that a person should know."""

    def watching(self, view: RolloutView) -> None:
        """How a rollout under way is: told at every change and every second, so the listener chooses what to show."""


class Silent:
    """Listens to nothing: for callers that only want the result."""

    def start(self, step: str, text: str) -> None:
        """Nothing."""

    def done(self, step: str, text: str) -> None:
        """Nothing."""

    def skip(self, step: str, reason: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    def watching(self, view: RolloutView) -> None:
        """Nothing."""
