"""Cohorts: what agencies seal to an analyst, and the matcher's map of who is whom in it.

The matcher passes on payload that it can't open. The analyst opens payload in which people go by
ids that only the matcher can trace to records, and gets a map from these to pseudonyms of the
cohort's own. So who links sees no payload, and who sees payload no encodings and no tokens.
"""
