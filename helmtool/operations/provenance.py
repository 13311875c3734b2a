"""Why each field of a diff differs: renders the chart anew with each changed value put back alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from helmtool.adapters.helm import ChartInvalid, Helm, HelmFailed
from helmtool.model.change import Change
from helmtool.model.difference import Difference, FieldPath, differences, within
from helmtool.model.manifest import Manifest, ObjectKey, is_hook, key_of, owned_by_helm
from helmtool.model.provenance import (
    Influence,
    Provenance,
    Source,
    ValueChange,
    changed_values,
    explain_field,
    guess,
    overrides_for,
    provenance_of,
    put_back,
)
from helmtool.model.review import ExplainedChange, ExplainedField
from helmtool.model.values import Values
from helmtool.operations.together import together

MOST_VALUES = 8
"""Up to so many changed values are put back one by one; where more have changed, equal text is all there is."""
AT_ONCE = 4
"""How many programs render at the same time."""
Rendered = Mapping[ObjectKey, Manifest]


class Basis(NamedTuple):
    """What both sides of a diff were made of.

    `before` are the old side's merged values, nothing where no revision tells them; `old` and `new` the objects as rendered for each side,
    `charts` the names of both charts with their versions, `chart` the one that is rendered with here, and `defaults` its values. `live`
    says that the old side is the cluster, where `hands` have written objects beside Helm.
    """

    helm: Helm
    chart: Path
    defaults: Mapping[str, Any]
    before: Values | None
    after: Values
    old: tuple[Manifest, ...]
    new: tuple[Manifest, ...]
    values_of: str = ""
    charts: tuple[str, str] = ("", "")
    live: bool = False
    hands: Mapping[ObjectKey, tuple[str, ...]] = MappingProxyType({})

    def __repr__(self) -> str:
        """Without the values, which may be secrets."""
        return f"Basis({self.values_of!r}, {self.charts})"

    @property
    def values(self) -> list[ValueChange]:
        """The values that differ."""
        return changed_values(self.before.data, self.after, self.before) if self.before else []


class _Renderings(NamedTuple):
    """The objects of both sides, and what the chart makes now: of the new values, of the old ones, and with each value put back alone.

    What the chart refuses to render is nothing.
    """

    old: Rendered
    new: Rendered
    now: Rendered | None
    back: Rendered | None
    alone: tuple[tuple[ValueChange, Rendered | None], ...]


async def explain_changes(basis: Basis, changes: Sequence[Change]) -> tuple[ExplainedChange, ...]:
    """Each change with its fields and what made each of them differ. Raises what helm raises, but not where it cannot render."""
    renderings = await _render_all(basis) if changes and basis.before else None
    return tuple(ExplainedChange(change, tuple(_fields(basis, renderings, change))) for change in changes)


async def _render_all(basis: Basis) -> _Renderings:
    """All renderings side by side; with a single changed value the one without it is the one with the old values."""
    values = basis.values
    alone = values if len(values) <= MOST_VALUES else []
    wanted = [basis.after.data, basis.before.data if basis.before else {}]
    wanted += [put_back(basis.after.data, value) for value in alone] if len(values) > 1 else []
    gate = asyncio.Semaphore(AT_ONCE)
    now, back, *others = await together(*(_render(basis, data, gate) for data in wanted))
    pairs = zip(alone, others if len(values) > 1 else [back], strict=False)
    return _Renderings(_by_key(basis, basis.old), _by_key(basis, basis.new), now, back, tuple(pairs))


async def _render(basis: Basis, data: Mapping[str, Any], gate: asyncio.Semaphore) -> Rendered | None:
    """The objects with exactly these values; nothing where the chart refuses them."""
    async with gate:
        try:
            manifests = await basis.helm.template(basis.chart, overrides_for(data, basis.defaults))
        except (ChartInvalid, HelmFailed):
            return None
    return _by_key(basis, manifests)


def _by_key(basis: Basis, manifests: Sequence[Manifest]) -> dict[ObjectKey, Manifest]:
    owned = [owned_by_helm(m, basis.helm.release, basis.helm.namespace) for m in manifests if not is_hook(m)]
    return {key_of(m): m for m in owned}


def _fields(basis: Basis, renderings: _Renderings | None, change: Change) -> list[ExplainedField]:
    found = differences(change.before, change.after)
    if renderings is None:
        return [ExplainedField(difference) for difference in found]
    return [ExplainedField(difference, tuple(_explain(basis, renderings, change.key, difference))) for difference in found]


def _explain(basis: Basis, renderings: _Renderings, key: ObjectKey, difference: Difference) -> list[Provenance]:
    """What made one field differ, the surest answer first."""
    if key.kind == "Secret" and key not in renderings.old and key not in renderings.new:
        return [Provenance(Source.SECRET, "the files of the service's secret")]
    if basis.live and not _touches(difference.path, renderings.old.get(key), renderings.new.get(key)):
        return [_by_hands(basis, key)]
    by_value = explain_field(difference, _influences(renderings, key))
    by_chart = explain_field(difference, _chart_influence(basis, renderings, key))
    return [*by_value, *by_chart] or _in_doubt(basis, renderings, key, difference)


def _influences(renderings: _Renderings, key: ObjectKey) -> list[Influence]:
    """What each value changes of one object when it alone is put back."""
    if renderings.now is None:
        return []
    now = renderings.now.get(key)
    found = [(value, _paths(without.get(key), now)) for value, without in renderings.alone if without is not None]
    return [Influence(provenance_of(value), paths) for value, paths in found if paths]


def _chart_influence(basis: Basis, renderings: _Renderings, key: ObjectKey) -> list[Influence]:
    """What the chart changes of one object when the values stay as they are; of a revision to go to, also what it was before the chart."""
    sides = ((renderings.old, renderings.back), (renderings.now, renderings.new))
    paths = [path for one, other in sides if one is not None and other is not None for path in _paths(one.get(key), other.get(key))]
    before, after = basis.charts
    text = f"the chart: {before} before, {after} now" if before != after else f"the chart itself, though it still is {after}"
    return [Influence(Provenance(Source.CHART, text), tuple(paths))]


def _in_doubt(basis: Basis, renderings: _Renderings, key: ObjectKey, difference: Difference) -> list[Provenance]:
    """Where no value alone explains a field: what equal text speaks for, else that several do it together."""
    guessed = guess(difference, basis.values)
    if guessed:
        return guessed
    back, now = renderings.back, renderings.now
    if back is not None and now is not None and _touches(difference.path, back.get(key), now.get(key)):
        return [Provenance(Source.VALUE, f"several of the {len(basis.values)} changed values together")]
    return [Provenance(Source.UNKNOWN, "nothing that is known explains it")]


def _by_hands(basis: Basis, key: ObjectKey) -> Provenance:
    """The field is in the revision as it becomes, so somebody else has written the live one; a release that failed leaves no hands."""
    hands = basis.hands.get(key, ())
    text = f"changed since the release by other hands: {', '.join(hands)}" if hands else f"live, it is not as {basis.values_of} made it"
    return Provenance(Source.HANDS, text)


def _touches(path: FieldPath, before: Manifest | None, after: Manifest | None) -> bool:
    """Whether the field, or a part around or in it, differs between two renderings of the object."""
    return any(within(path, other) or within(other, path) for other in _paths(before, after))


def _paths(before: Manifest | None, after: Manifest | None) -> tuple[FieldPath, ...]:
    return tuple(difference.path for difference in differences(before, after))
