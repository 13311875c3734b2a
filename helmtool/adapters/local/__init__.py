"""The embedded cluster of the environment `local`: a real API server with one simulated node, without docker and without root."""

from helmtool.adapters.local.lifecycle import LocalCluster, LocalStatus, down, status, up
from helmtool.adapters.local.state import kubeconfig_path

__all__ = ["LocalCluster", "LocalStatus", "down", "kubeconfig_path", "status", "up"]
