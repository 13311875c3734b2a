"""helmfile, beside which helmtool is measured where it is built: what its users would type instead."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml
from timing import CHECKOUT

from helmtool.adapters import toolbox

CHART = str(CHECKOUT / "charts/newdqmgui")
MODULE = CHECKOUT / "tests/benchmarks/helmfile/go.mod"


def has_helm_diff() -> bool:
    """Whether helm has the plugin, without which there is no `helmfile apply`."""
    return subprocess.run([str(toolbox.find("helm")), "diff", "version"], capture_output=True).returncode == 0


def helmfile_release(values: str, kubeconfig: str, folder: Path) -> list[str]:
    """The command line of `helmfile apply`, or of `sync` without helm-diff, for one file of values.

    Empty where helmfile is not built; says so then, for benchmarks show what is printed.
    """
    found = re.search(r"helmfile/helmfile v(\S+)", MODULE.read_text())
    assert found
    if not toolbox.is_pinned("helmfile", found[1]):
        print("\nskipped: helmfile is not built; next: python3 tools/build.py benchmarks")
        return []
    release = {"name": "newdqmgui", "namespace": "dqm", "chart": CHART, "values": [values]}
    file = folder / f"helmfile-{Path(values).stem}.yaml"
    file.write_text(yaml.safe_dump({"helmDefaults": {"wait": True, "timeout": 60}, "releases": [release]}))
    program = [str(toolbox.pinned_path("helmfile", found[1])), "--helm-binary", str(toolbox.find("helm")), "--file", str(file)]
    return ["env", f"KUBECONFIG={kubeconfig}", *program, "apply" if has_helm_diff() else "sync"]
