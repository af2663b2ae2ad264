"""Coverage-guided fuzzing of everything that parses bytes of others (needs the extra ``fuzz``).

    python -m tests.linkage.audit.fuzz -runs=1000000 CORPUS

The options are libFuzzer's. It stops at the first error that isn't the project's own.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["linkage"]):
    from linkage.audit.failures import LogError
    from tests.linkage.audit.parsers import PARSERS, SEEDS


def try_one(data: bytes) -> None:
    """Parse the bytes as what their first byte says."""
    if not data:
        return
    with suppress(LogError):
        PARSERS[data[0] % len(PARSERS)](data[1:])


def main() -> None:
    """Run libFuzzer, beginning with one whole example of each format."""
    corpus = Path(next(word for word in sys.argv[1:] if not word.startswith("-")))
    for number, seed in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_bytes(bytes([number]) + seed)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
