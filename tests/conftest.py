"""What holds for every suite."""

from __future__ import annotations

import os
import signal

from helmtool.adapters.git import environment

# A runner that was started in the background ignores SIGINT, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A runner in a git hook or under `git rebase --exec` has variables by which the tests' own git would write to that repository.
for _name in os.environ.keys() - environment().keys():
    del os.environ[_name]
