"""What the real Helm makes of values, for the tests that compare with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helmtool.adapters import process, toolbox

HelmValues = Callable[..., Any]


@pytest.fixture(scope="session")
def helm_values(tmp_path_factory: pytest.TempPathFactory) -> HelmValues:
    """`helm_values(defaults, *files, sets=…, stdin=…)`: Helm's `.Values`, or an AssertionError with what it says."""
    chart = tmp_path_factory.mktemp("throwaway")
    helm = str(toolbox.find("helm"))
    (chart / "templates").mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: throwaway\nversion: 0.0.1\n")
    (chart / "templates" / "values.yaml").write_text("values: {{ .Values | toJson | b64enc }}\n")

    def run(defaults: bytes, *files: bytes, sets: tuple[str, ...] = (), stdin: bytes | None = None) -> Any:
        (chart / "values.yaml").write_bytes(defaults)
        arguments = [argument for text in sets for argument in ("--set", text)]
        for number, file in enumerate(files):
            path = chart.parent / f"layer{number}.yaml"
            path.write_bytes(file)
            arguments += ["--values", str(path)]
        if stdin is not None:
            arguments += ["--values", "-"]
        done = process.run([helm, "template", str(chart), *arguments], input=stdin, cwd=Path(chart), timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        line = next(line for line in done.stdout.decode().splitlines() if line.startswith("values: "))
        return json.loads(base64.b64decode(line.removeprefix("values: ")))

    return run


@pytest.fixture(scope="session")
def as_json() -> Callable[[Any], str]:
    """Data as text that tells 1 from true, and takes 1 and 1.0 for the same, as Helm does."""

    def numbers(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: numbers(item) for key, item in value.items()}
        if isinstance(value, list):
            return [numbers(item) for item in value]
        # The sum makes -0.0 and 0.0 one.
        return float(value) + 0.0 if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    return lambda value: json.dumps(numbers(value), sort_keys=True)
