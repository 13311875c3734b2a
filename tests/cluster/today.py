"""The objects that run today, as the old script made them: what an adoption starts from."""

from __future__ import annotations

from typing import Any

import yaml
from cli import RELEASE, REPOSITORY, ROOT

TODAY = ROOT / "tests/chart/parity"
OF_THE_RELEASE = (("Service", RELEASE), ("ConfigMap", RELEASE), ("Deployment", RELEASE), ("NetworkPolicy", "newdqmgui-network-policy"))
"""What the chart makes too; the rest of the files belongs to the operators of CMSWEB."""
TAG = "HG0105a"

Object = dict[str, Any]


def today(environment: str, tag: str = f":{TAG}") -> list[Object]:
    """The objects of today in one environment, with `tag` behind the image's name."""
    text = (TODAY / f"{environment}.yaml").read_text().replace(f"{REPOSITORY}:HG0105a", REPOSITORY + tag)
    return [o for o in yaml.safe_load_all(text) if o and (o["kind"], o["metadata"]["name"]) in OF_THE_RELEASE]


def as_list(objects: list[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": objects}
