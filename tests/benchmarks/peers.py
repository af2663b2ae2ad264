"""Environments of their own for what we measure ourselves against, made once a machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(tempfile.gettempdir()) / "concord-benchmark-peers"


def peer_python(*packages: str) -> Path:
    """Return the Python of an environment with the packages; end the benchmark if there is none."""
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(packages))
    folder = FOLDER / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    if ready.exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    result = subprocess.run(install, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' and '.join(packages)} can't be installed here:\n{result.stderr}")
    ready.touch()
    return python


def run_peer(python: Path, script: str, *words: object) -> Any:
    """Run a script in the peer's environment and return the JSON on its last line of output."""
    result = subprocess.run(
        [python, "-c", script, *map(str, words)], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"the peer failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])
