#!/bin/bash -e
# As in the service, the server runs below this shell and does not replace it, and both expect to be started in this folder.
python3 "$(pwd)/../python/app.py" "$@"
