#!/bin/bash
# What a scenario wants of this start lies beside the node's certificates.
if [ -f /host/etc/grid-security/behaviour.sh ]; then
    . /host/etc/grid-security/behaviour.sh
fi
exec perl /home/cmsusr/server.pl
