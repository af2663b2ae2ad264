"""Two quarters of six agencies, with payload and truth, from extracts to disclosure and report."""

from examples.safeguarding.quarters.writing import write_quarters

__all__ = ["write_quarters"]
