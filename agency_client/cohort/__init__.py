"""Cohorts: linked people under pseudonyms, pulled and verified, analysed, and let out in counts.

``tables`` says what lies in a cohort's directory.
"""
