"""A diff made ready to be judged: what it means for the service first, then its objects, the gravest first, each with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from helmtool.model.change import Change, Effect, worst
from helmtool.model.difference import Difference
from helmtool.model.provenance import Provenance, ValueChange

VERDICTS = {
    Effect.NONE: "Nothing that the service would notice.",
    Effect.IN_PLACE: "No pod restarts.",
    Effect.RESTART: "The pod restarts; the old one serves until the new one is ready.",
    Effect.DOWNTIME: "Downtime: users of the service notice it.",
    Effect.IMPOSSIBLE: "Impossible: the API server refuses it, and a release would stop before it writes.",
}
NOTHING = "Nothing changes."


class ExplainedField(NamedTuple):
    """One field that differs, and what made it differ; nothing where there is no revision to compare the values with."""

    difference: Difference
    provenance: tuple[Provenance, ...] = ()


class ExplainedChange(NamedTuple):
    """One object's change with its fields."""

    change: Change
    fields: tuple[ExplainedField, ...] = ()

    @property
    def causes(self) -> tuple[str, ...]:
        """What made its fields differ, each once, in words."""
        return tuple(dict.fromkeys(f"{p.text}{' (a guess)' if p.guess else ''}" for field in self.fields for p in field.provenance))


class Review(NamedTuple):
    """What a release would change, with its reasons. `values_of` names what the values are compared with; empty where nothing was."""

    environment: str
    base: str
    target: str
    changes: tuple[ExplainedChange, ...]
    values: tuple[ValueChange, ...] = ()
    values_of: str = ""
    warnings: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def by_gravity(self) -> tuple[ExplainedChange, ...]:
        """The gravest first; those of one effect stay in the order in which they are applied."""
        return tuple(sorted(self.changes, key=lambda explained: -explained.change.effect))

    @property
    def effect(self) -> Effect:
        """The gravest effect."""
        return worst(self._plain)

    @property
    def has_downtime(self) -> bool:
        """Whether one of the changes stops the service for a time."""
        return any(change.effect is Effect.DOWNTIME for change in self._plain)

    @property
    def verdict(self) -> str:
        """What it means for the service, in one sentence."""
        return VERDICTS[self.effect] if self.changes else NOTHING

    @property
    def summary(self) -> dict[str, Any]:
        """How many objects change, in which way, and with which effect."""
        verbs = [change.verb for change in self._plain]
        return {
            "objects": len(verbs),
            "added": verbs.count("add"),
            "changed": verbs.count("change"),
            "removed": verbs.count("remove"),
            "effects": {effect.label: sum(change.effect is effect for change in self._plain) for effect in reversed(Effect)},
        }

    @property
    def reasons(self) -> list[Change]:
        """The changes that restart the pod or are worse: what a person should look at first."""
        return [explained.change for explained in self.by_gravity if explained.change.effect >= Effect.RESTART]

    @property
    def _plain(self) -> Sequence[Change]:
        return [explained.change for explained in self.changes]
