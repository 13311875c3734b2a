"""What holds for every suite."""

from __future__ import annotations

import signal

# A runner that was started in the background ignores SIGINT, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
