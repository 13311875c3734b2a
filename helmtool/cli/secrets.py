"""The group of commands for secrets."""

from __future__ import annotations

from helmtool.cli import secret_versions
from helmtool.cli.options import group

app = group("The service's secret files and their versions in the cluster.")
secret_versions.add_to(app)
