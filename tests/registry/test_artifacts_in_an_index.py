"""What builders put into an index beside the images (attestations, SBOMs) is no image: date, size and platforms are an image's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from images import IMAGE, INDEX, RealRegistry

ARTIFACT = "application/spdx+json"
EMPTY = "application/vnd.oci.empty.v1+json"
ENTRIES: dict[str, dict[str, Any]] = {
    "a platform without an architecture": {"platform": {"os": "linux", "architecture": ""}},
    "no platform": {},
    "an artifact type": {"artifactType": ARTIFACT},
    "an artifact type and a platform": {"artifactType": ARTIFACT, "platform": {"os": "linux", "architecture": "amd64"}},
    "an attestation of BuildKit": {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    },
}


def artifact(registry: RealRegistry) -> str:
    config = {**registry.blob(b"{}"), "mediaType": EMPTY}
    return registry.manifest("", IMAGE, {"artifactType": ARTIFACT, "config": config, "layers": [registry.blob(b"an SBOM")]})


@pytest.mark.parametrize("case", ENTRIES)
def test_an_artifact_never_stands_for_the_image(registry: RealRegistry, tool: Callable[..., Any], case: str) -> None:
    image, sbom = registry.push("inner", created="2026-05-04T11:00:00Z", architecture="arm64"), artifact(registry)
    entries = [
        {"mediaType": IMAGE, "digest": sbom, "size": len(registry.read(sbom)), **ENTRIES[case]},
        {"mediaType": IMAGE, "digest": image, "size": len(registry.read(image)), "platform": {"os": "linux", "architecture": "arm64"}},
    ]
    registry.manifest("HG0405a", INDEX, {"manifests": entries})
    expected = tool(registry.host, "list", "-o", "json").document
    found = tool(registry.host, "check", "HG0405a", "-o", "json").document
    assert (found["created"], found["platforms"]) == ("2026-05-04T11:00:00Z", ["linux/arm64"])
    assert found["size"] > 20
    (listed,) = [line for line in expected if line["tag"] == "HG0405a"]
    assert (listed["created"], listed["platforms"], listed["size"]) == (found["created"], found["platforms"], found["size"])


@pytest.mark.parametrize("of_images", [True, False])
def test_an_index_that_names_no_platform(registry: RealRegistry, tool: Callable[..., Any], of_images: bool) -> None:
    """The platform of an entry is optional: an image is known by its configuration, and an index of artifacts alone has no image."""
    image, sbom = registry.push("inner", created="2026-05-04T11:00:00Z", architecture="arm64"), artifact(registry)
    entries = [{"mediaType": IMAGE, "digest": one, "size": len(registry.read(one))} for one in ([sbom, image] if of_images else [sbom])]
    registry.manifest("HG0405a", INDEX, {"manifests": entries})
    found = tool(registry.host, "check", "HG0405a", "-o", "json").document
    expected = ("2026-05-04T11:00:00Z", ["linux/arm64"], True) if of_images else (None, [], False)
    assert (found["created"], found["platforms"], found["size"] > 20) == expected
