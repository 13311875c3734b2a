#!/bin/bash
# Builds the image of helmtool from this checkout: build.sh [NAME:TAG [ARGUMENT OF docker build]…]
# The context is a folder made here: the wheel, the pinned requirements, and the pinned programs of `helmtool tools install`.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
python=${PYTHON:-$root/.venv/bin/python}
name=${1:-helmtool:latest}
shift || true

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$here/Dockerfile" "$root/requirements/runtime.txt" "$context/"
(cd "$root" && "$python" -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir "$context" .)
"$python" - "$context/bin" <<'PYTHON'
import shutil
import sys
from pathlib import Path

from helmtool.adapters import toolbox

into = Path(sys.argv[1])
into.mkdir()
missing = [program for program in toolbox.CLIENT if not toolbox.is_pinned(program)]
if missing:
    sys.exit(f"build.sh: {', '.join(missing)} not there in the pinned version. Next: make tools-client")
for program in toolbox.CLIENT:
    shutil.copy(toolbox.pinned_path(program), into / program)
    (into / program).chmod(0o755)
PYTHON

git() { command git -C "$root" "$@" 2>/dev/null || true; }
revision=$(git rev-parse HEAD)
changed=$(git status --porcelain)
source=$(git remote get-url origin | sed -E 's#//[^/@]*@#//#')
docker build -t "$name" \
    --build-arg HELMTOOL_VERSION="$("$python" -c 'import helmtool; print(helmtool.__version__)')" \
    --build-arg IMAGE_REVISION="$revision${changed:+-dirty}" \
    --build-arg IMAGE_CREATED="$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    --build-arg IMAGE_SOURCE="$source" \
    "$@" "$context"
