#!/bin/bash
# The tour of the README, on an embedded cluster of its own that is gone at the end: `make demo` runs it.
set -euo pipefail
cd "$(dirname "$0")/../.."

XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
trap 'helmtool --quiet local down; rm -rf "$XDG_STATE_HOME"' EXIT
unset KUBECONFIG

show() { printf '\n$ helmtool %s\n' "$*"; helmtool "$@"; }

show local up
show release local HG0105a --note "first release"
show diff local HG0205a
show release local HG0205a
show history local
show rollback local
show status local
