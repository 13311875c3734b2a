"""Releases the newdqmgui service of CMS to Kubernetes clusters, safely."""

__version__ = "0.1.0"
