"""A simulated safeguarding scenario: five agencies, the children they know, and the truth."""

from examples.safeguarding.scenario import write_scenario

__all__ = ["write_scenario"]
