#!/bin/bash
# Gives the service the node's grid certificates, then becomes the service.
# No `set -e`: a certificate that cannot be copied must be seen in the log, but must not keep the service down.

source_dir=/host/etc/grid-security
target_dir=/etc/grid-security

sudo mkdir -p "$target_dir"
for file in "$source_dir"/*; do
    # Only files: the node keeps its CA folders beside them, and the service has its own.
    if [ ! -f "$file" ]; then
        echo "INFO not a file, not copied: $file"
    elif ! sudo cp -- "$file" "$target_dir/"; then
        echo "WARNING not copied: $file" >&2
    fi
done
echo "INFO files in $target_dir:"
ls -la "$target_dir"

if ! cd /home/cmsusr/dqmgui/; then
    echo "ERROR /home/cmsusr/dqmgui is missing: is it the right image, and does a volume hide it?" >&2
    exit 1
fi
# exec: as the first process of the container a shell would swallow SIGTERM, and every stop would last the whole grace period.
exec sudo bash /home/cmsusr/run.sh
