"""What an agency's own encodings give away: measured, and attacked with the agency's own list."""

from hashing.risk.assess import BEFORE_ENCODING, LIMIT, Plan, assess
from hashing.risk.results import AttackResult, LeakageReport, Measure, SampleSize

__all__ = [
    "BEFORE_ENCODING",
    "LIMIT",
    "AttackResult",
    "LeakageReport",
    "Measure",
    "Plan",
    "SampleSize",
    "assess",
]
