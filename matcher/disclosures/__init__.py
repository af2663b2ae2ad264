"""Disclosures: evidence on clusters, proposals, decisions, and what is sealed to recipients.

The matcher passes on what it can't open. What moves a disclosure are signed messages alone, and
each enters the log in the transaction in which it is stored.
"""
