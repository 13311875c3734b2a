"""The kinds of inputs, and how many of each there are."""

from __future__ import annotations

import random
from collections.abc import Callable

import cluster_inputs
import place_inputs
import registry_inputs
import secret_inputs
import word_inputs
import yaml_inputs
from cases import Case
from sites import Good

KINDS: dict[str, Callable[[random.Random, Good], Case]] = {
    "tags": word_inputs.tags,
    "sets": word_inputs.sets,
    "durations": word_inputs.durations,
    "dates": word_inputs.dates,
    "arguments": word_inputs.arguments,
    "values": yaml_inputs.values,
    "benign": yaml_inputs.benign,
    "secrets-in-values": yaml_inputs.secrets_in_values,
    "environments": yaml_inputs.environments,
    "schema": yaml_inputs.schema,
    "chart": yaml_inputs.chart,
    "registries": registry_inputs.registries,
    "credentials": registry_inputs.credentials,
    "kubeconfigs": cluster_inputs.kubeconfigs,
    "stored-releases": cluster_inputs.stored_releases,
    "records": cluster_inputs.records,
    "leases": cluster_inputs.leases,
    "versions": cluster_inputs.versions,
    "workloads": cluster_inputs.workloads,
    "broken-servers": cluster_inputs.broken_servers,
    "sops-files": secret_inputs.sops_files,
    "places": place_inputs.places,
}
SHARES = {
    "tags": 14,
    "sets": 11,
    "durations": 5,
    "dates": 5,
    "arguments": 5,
    "values": 14,
    "benign": 2,
    "secrets-in-values": 4,
    "environments": 9,
    "schema": 3,
    "chart": 3,
    "registries": 12,
    "credentials": 6,
    "kubeconfigs": 7,
    "stored-releases": 6,
    "records": 4,
    "leases": 1,
    "versions": 3,
    "workloads": 6,
    "broken-servers": 6,
    "sops-files": 2,
    "places": 5,
}
