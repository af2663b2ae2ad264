"""Engines run the tiles of a scan: threads on one machine today, with a journal if one is kept."""

from matcher.engine.journal import journalled
from matcher.engine.threads import thread_engine

__all__ = ["journalled", "thread_engine"]
