"""Goes into the stand-in's image: tells in the work directory who writes there, and lets a test say when a stop ends."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

LONGEST_STOP = 80.0
"""Seconds; below those after which run.sh and the kubelet end the server by force, and a second one's startup probe gives up."""


def start(work_dir: Path) -> None:
    """Writes the pod's name ten times a second, until the very end of the process."""

    def beat() -> None:
        with (work_dir / "beats").open("a", buffering=1, encoding="utf-8") as file:
            while True:
                file.write(f"{os.uname().nodename}\n")
                time.sleep(0.1)

    threading.Thread(target=beat, daemon=True).start()


def hold(work_dir: Path) -> None:
    """Returns once there is a file `leave`, which is gone then."""
    leave, until = work_dir / "leave", time.monotonic() + LONGEST_STOP
    while not leave.exists() and time.monotonic() < until:
        time.sleep(0.1)
    leave.unlink(missing_ok=True)
