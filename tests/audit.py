"""An embedded cluster whose API server writes an audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helmtool.adapters import toolbox

LOG = "audit.log"


def audited_tools(folder: Path, rules: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a helmtool whose API server has the rules: the programs that are there, and a line before that one."""
    server, policy = toolbox.find("kube-apiserver"), folder / "policy.json"
    policy.write_text(json.dumps(rules))
    tools = folder / "cache/helmtool/tools"
    tools.mkdir(parents=True)
    for there in server.parents[1].iterdir():
        if there != server.parent:
            (tools / there.name).symlink_to(there)
    mine = tools / server.parent.name / server.name
    mine.parent.mkdir()
    options = f"--audit-policy-file={policy} --audit-log-path={folder / LOG}"
    # Under the name that it was called by, by which the cluster's processes are known.
    mine.write_text(f'#!/bin/bash\nexec -a "$0" {server} {options} "$@"\n')
    mine.chmod(0o755)
    return {"XDG_CACHE_HOME": str(folder / "cache")}
