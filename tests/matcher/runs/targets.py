"""What worker processes do in tests of how they are kept alive."""

from __future__ import annotations

import os
import time
from pathlib import Path

from matcher.worker.processes import StopSignal


def linger(folder: Path) -> None:
    """Say that this process is there, and stay until told to stop."""
    stop = StopSignal()
    (folder / f"{os.getpid()}.begun").touch()
    while not stop():
        time.sleep(0.02)
    (folder / f"{os.getpid()}.stopped").touch()


def ignore_all(folder: Path) -> None:
    """Stay whatever is said."""
    StopSignal()
    (folder / f"{os.getpid()}.begun").touch()
    time.sleep(600)
