"""Writing a run folder so that it is there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from linkage.errors import InputError

_MARK = "model.json"  # every run folder holds it, so that only run folders are ever replaced


def write_run(out: Path, contents: dict[str, bytes]) -> None:
    """Write the files of a run into the folder ``out``, replacing an earlier run in one step.

    ``contents`` by path inside the folder.
    """
    refuse_foreign_folder(out)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.resolve().parent))
    try:
        for name, content in contents.items():
            (partial / name).parent.mkdir(exist_ok=True, mode=0o750)
            _write_durably(partial / name, content)
        partial.chmod(0o750)
        _put_in_place(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_foreign_folder(out: Path) -> None:
    """Raise `InputError` if ``out`` can't become a run folder without losing something else."""
    if not out.resolve().parent.is_dir():
        raise InputError(f"The folder {out.resolve().parent} does not exist; make it first.")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the run.")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).exists():
        raise InputError(f"{out} holds other files than a run's; name a new or empty folder.")


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(partial: Path, out: Path) -> None:
    if not out.exists():
        partial.rename(out)
        return
    previous = Path(tempfile.mkdtemp(prefix=f".{out.name}.previous-", dir=partial.parent))
    out.rename(previous / out.name)
    partial.rename(out)
    shutil.rmtree(previous)
