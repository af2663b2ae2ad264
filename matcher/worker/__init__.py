"""Processes that carry out runs: they take one by lease, do it, and die without harm."""
