"""Running the matcher's commands as a user would, without starting a process for each."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from matcher.cli import main


def matcher(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, which needn't start anew for each of many runs."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    arguments = mock.patch.object(sys, "argv", ["matcher", *map(str, words)])
    with arguments, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess([], code, out.getvalue(), err.getvalue())


def installed_matcher(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command that is installed, in a process of its own."""
    program = Path(sys.executable).parent / "matcher"
    return subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, timeout=120
    )
