"""The kubernetes client of one context of a kubeconfig."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helmtool.adapters.credentials import Credentials, CredentialsFailed
from helmtool.adapters.kubeconfig import Access, cluster_of, user_of

PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def made_client(access: Access, credentials: Credentials | None) -> Any:
    """A new client; with what a plugin handed out, else with what the kubeconfig says. Raises CredentialsFailed."""
    from kubernetes import config  # slow: only when a cluster is really talked to

    where = f"context {access.context} of {access.kubeconfig}"
    hint = f"KUBECONFIG={access.kubeconfig} kubectl config view, or ask for a new kubeconfig"
    try:
        from_dict: Any = config.new_client_from_config_dict
        from_file: Any = config.new_client_from_config
        if credentials:
            return from_dict(_document(access, credentials), persist_config=False)
        return from_file(config_file=access.kubeconfig, context=access.context)
    except (config.ConfigException, TypeError, AttributeError, KeyError):
        # The client takes every entry for what it should be, and some of its messages quote the user's entry.
        raise CredentialsFailed(f"{where} cannot be used: an entry of its user or cluster is not what kubectl expects", hint=hint) from None
    except OSError as error:
        raise CredentialsFailed(f"{where} cannot be used: {error.filename}: {error.strerror}", hint=hint) from None
    except ValueError as error:
        raise CredentialsFailed(f"{where} cannot be used: {error}", hint=hint) from None


def _document(access: Access, credentials: Credentials) -> dict[str, Any]:
    """A kubeconfig of this context alone, without the plugin, which the client would start by itself."""
    user = {name: value for name, value in _absolute(*user_of(access)).items() if name != "exec"}
    if credentials.certificate and credentials.key:
        user["client-certificate-data"] = base64.b64encode(credentials.certificate.encode()).decode()
        user["client-key-data"] = base64.b64encode(credentials.key.encode()).decode()
    if credentials.token:
        user["token"] = credentials.token
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": _absolute(*cluster_of(access))}],
        "users": [{"name": "c", "user": user}],
    }


def _absolute(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The entry with its relative paths as kubectl reads them: from the folder of their kubeconfig."""
    return {name: str(folder / str(value)) if name in PATHS else value for name, value in entry.items()}
