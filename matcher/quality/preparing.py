"""Preparing a run's pages when it finishes, so that nobody who opens one waits."""

from __future__ import annotations

from matcher.disclosures.pseudonyms import key_of_run
from matcher.quality.deriving import derived
from matcher.quality.kept import files_of
from matcher.runs.linking import Contents
from matcher.store.database import Database


def prepare_pages(database: Database, agreement: str, run: str, contents: Contents) -> Contents:
    """Return what the pages of a run need, as further files of it; ``contents`` are its own."""
    key = key_of_run(database, agreement, run)
    return files_of(derived(run, contents, key))
