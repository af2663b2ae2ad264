"""Putting a matcher together: every service is built here, from the settings, and nowhere else."""
