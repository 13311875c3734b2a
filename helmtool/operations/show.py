"""Shows what the checkout says: environments and merged values; needs no cluster."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from helmtool.adapters.kubeconfig import expand
from helmtool.adapters.project import find_project
from helmtool.model.environment import Environment
from helmtool.model.redaction import REDACTED
from helmtool.model.values import explain
from helmtool.operations.compose import load_values
from helmtool.operations.settings import Settings

PLAIN = ("mode", "name", "vault")
"""What stands below `secrets` and is no content of a secret."""
NO_CONTENT = re.compile(rf"\.({'|'.join(PLAIN)})(?=[.\[]|$)")
ONE_KEY = re.compile(r"(\.[^.\[]*)?")


def environments(settings: Settings) -> list[Environment]:
    """Every environment, in the file's order."""
    return list(find_project(settings.config_dir).environments().values())


def environment(name: str, settings: Settings) -> Environment:
    """One environment. Raises UnknownEnvironment."""
    return find_project(settings.config_dir).environment(name)


def describe(environment: Environment) -> dict[str, Any]:
    """An environment with the words of environments.yaml."""
    pins, promotion = environment.cluster, environment.promotion
    cluster = {
        "nameEndsWith": list(pins.name_ends_with),
        "server": pins.server,
        "caFingerprint": pins.ca_fingerprint,
        "kubeSystemUid": pins.kube_system_uid,
    }
    return {
        "name": environment.name,
        "description": environment.description,
        **({"row": environment.row} if environment.row else {}),
        **({"embedded": True} if environment.embedded else {"cluster": cluster, "kubeconfig": environment.kubeconfig}),
        "namespace": environment.namespace,
        "release": environment.release,
        "endpoint": environment.endpoint,
        "protected": environment.protected,
        "stableTag": environment.stable_tag.value,
        "secrets": environment.secrets.value,
        "policies": {"resolve": environment.resolve.value, "verify": environment.verify.value, "prepull": environment.prepull.value},
        "lockSeconds": environment.lock_seconds,
        **({"promotion": {"from": promotion.source, "afterHours": promotion.after_hours}} if promotion else {}),
        **({"values": environment.values} if environment.values else {}),
    }


def kubeconfig_of(name: str, settings: Settings) -> str:
    """The kubeconfig file of an environment, for a shell."""
    found = environment(name, settings)
    if found.embedded:
        from helmtool.adapters import local

        return str(local.kubeconfig_path())
    return expand(found.kubeconfig)


def shown_values(name: str, tag: str | None, settings: Settings, sets: Sequence[str]) -> dict[str, Any]:
    """The merged document, the content of inline secrets redacted."""
    project = find_project(settings.config_dir)
    return redact_values(load_values(project, project.environment(name), tag, sets).data)


def explained(name: str, tag: str | None, settings: Settings, sets: Sequence[str]) -> list[tuple[str, Any, str]]:
    """Every leaf of the merged document with the file:line that it comes from, in the document's order."""
    project = find_project(settings.config_dir)
    values = load_values(project, project.environment(name), tag, sets)
    return [(path, REDACTED if _is_inline_secret(path, value) else value, origin.text) for path, value, origin in explain(values)]


def redact_values(data: dict[str, Any]) -> dict[str, Any]:
    """The document without the content of inline secrets.

    It has not been checked yet: what stands there in another form, or under a name that may be a mistyped `data`, may be a secret too.
    """
    secrets = data.get("secrets")
    if isinstance(secrets, dict):
        return data | {"secrets": {key: value if key in PLAIN else _hidden(value) for key, value in secrets.items()}}
    return data | {"secrets": REDACTED} if secrets else data


def _hidden(content: Any) -> Any:
    """What is shown of it: the names of files."""
    if isinstance(content, dict):
        return dict.fromkeys(content, REDACTED)
    return REDACTED if content else content


def _is_inline_secret(path: str, value: Any) -> bool:
    below = path.removeprefix("secrets")
    if below == path or below[:1] not in ("", ".", "[") or NO_CONTENT.match(below):
        return False
    return bool(value) or not ONE_KEY.fullmatch(below)
