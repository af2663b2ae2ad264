"""Payload that agencies seal to analysts, passed on unopened, and the cohorts that analysts pull.

What this knows of payload is how many pieces it has. What it tells an analyst is a map from the ids
in the payloads to pseudonyms that are of no use anywhere else.
"""
