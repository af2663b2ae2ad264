"""The report of a run: one self-contained HTML page that a data protection officer can read."""
