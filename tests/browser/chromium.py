"""Where Chromium is, and getting it where that can be done: as root, with the system's packages.

``python -m tests.browser.chromium`` gets it if it isn't there, and says so if it can't.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

VARIABLE = "CONCORD_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # which root can't have; the pages are the tests' own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = (
    f"There is no Chromium here, so the pages aren't tried in a browser; install it, or name it by "
    f"{VARIABLE}."
)
_MOST_SECONDS = 600


def find() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    named = os.environ.get(VARIABLE)
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's Chromium where this is root on a Debian; a failure leaves things as is."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "-y", NAMES[0]]):
        try:
            subprocess.run(
                ["apt-get", *words], env=environment, capture_output=True, check=True,
                timeout=_MOST_SECONDS,
            )  # fmt: skip
        except (subprocess.SubprocessError, OSError):
            return


if __name__ == "__main__":
    if find() is None:
        install()
    if find() is None:
        sys.stderr.write(MISSING + "\n")
