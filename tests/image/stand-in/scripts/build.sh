#!/bin/bash -e
# Stands in for the compilation of renderers and Cython classes; STAND_IN_BUILD_SECONDS makes it slow, STAND_IN_BUILD_STATUS fails it.
sleep "${STAND_IN_BUILD_SECONDS:-0}"
exit "${STAND_IN_BUILD_STATUS:-0}"
