"""Disclosures: evidence on clusters, proposals, decisions, and what is sealed from holder to reader.

The matcher passes on what it can't open. What moves a disclosure are signed messages alone, and
each enters the log in the transaction in which it is stored.
"""
