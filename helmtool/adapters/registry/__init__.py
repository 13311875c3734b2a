"""A registry of images, over the OCI distribution API."""

from helmtool.adapters.registry.client import Registry as Registry
