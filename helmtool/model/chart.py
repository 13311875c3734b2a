"""What a chart is made of, as far as it decides what is rendered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class ChartFiles(NamedTuple):
    """The content of the templates by their path in the chart, the schema of the values, and the default values."""

    templates: Mapping[str, bytes]
    schema: bytes
    defaults: Mapping[str, Any]

    def __repr__(self) -> str:
        """Without their content, in which people may have left a secret."""
        return f"ChartFiles({', '.join(sorted(self.templates))})"

    def differences(self, other: ChartFiles) -> Iterator[str]:
        """The paths of the files in which the two charts differ."""
        for name in sorted({*self.templates, *other.templates}):
            if self.templates.get(name) != other.templates.get(name):
                yield name
        if self.schema != other.schema:
            yield "values.schema.json"
        if self.defaults != other.defaults:
            yield "values.yaml"
