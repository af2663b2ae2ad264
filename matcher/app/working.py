"""The processes that carry out runs. Whoever starts them loads nothing of what they need."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from matcher.config.loading import load_settings
from matcher.logs.lines import log_fault, log_notice
from matcher.logs.output import configure_logs
from matcher.worker.processes import StopSignal, Workers


def workers(folder: Path, flags: Mapping[str, str], processes: int) -> Workers:
    """Return the worker processes of the matcher in a folder, which live as long as their context.

    ``flags`` overrule settings as they do for `load_settings`.
    """
    return Workers(partial(work, folder, dict(flags)), processes)


def work(folder: Path, flags: Mapping[str, str]) -> None:
    """Carry out runs until this process is told to stop: what a worker process does."""
    must_stop = StopSignal()
    settings = load_settings(folder, os.environ, flags)
    logging = settings.sections.logging
    configure_logs(logging.format, logging.level)
    try:
        # Here begins the compiler, and half the memory.
        from matcher.app.worker import open_worker  # noqa: PLC0415

        worker = open_worker(settings)
        log_notice("worker.started")
        worker.work(must_stop)
        log_notice("worker.stopped")
    except Exception as error:  # noqa: BLE001 - a trace would quote what nobody may read
        log_fault(error)
        raise SystemExit(1) from None
