"""The embedded cluster of tests/cluster, and modules beside the tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from helmtool.adapters.cluster import Cluster
from helmtool.adapters.kubeconfig import read_access
from helmtool.adapters.local import LocalCluster

TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "cluster"), str(TESTS)]

from namespaces import make_namespace  # noqa: E402 - beside this file
from rendering_many import NAMESPACE  # noqa: E402

_spec = importlib.util.spec_from_file_location("cluster_fixtures", TESTS / "cluster" / "conftest.py")
assert _spec
assert _spec.loader
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)


session_state_home = _fixtures.session_state_home
cluster = _fixtures.cluster


@pytest.fixture(scope="session")
def server(cluster: LocalCluster) -> Cluster:
    """The API server, with a namespace where nothing is yet."""
    server = Cluster(read_access(cluster.kubeconfig), NAMESPACE)
    make_namespace(server, NAMESPACE)
    return server
