"""What an agency's own encodings give away: measured, and attacked with the agency's own list."""

from hashing.risk.assess import DRAFT, LIMIT, Plan, assess
from hashing.risk.results import AttackResult, LeakageReport, Measure, SampleSize

__all__ = [
    "DRAFT",
    "LIMIT",
    "AttackResult",
    "LeakageReport",
    "Measure",
    "Plan",
    "SampleSize",
    "assess",
]
