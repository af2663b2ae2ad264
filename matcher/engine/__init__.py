"""Engines run the tiles of a scan: threads on one machine today."""

from matcher.engine.threads import thread_engine

__all__ = ["thread_engine"]
