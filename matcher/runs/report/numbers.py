"""Numbers as people read them."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"
NOT_KNOWN = "\N{EN DASH}"


def percent(share: float) -> str:
    """Return a share as a percentage that claims neither all nor nothing where it isn't."""
    if 0.9995 <= share < 1:
        return "over 99.9%"
    if 0 < share < 0.0005:
        return "under 0.1%"
    return f"{100 * share:.1f}%"


def frequency(share: float) -> str:
    """Return a share as a percentage, or as one in so many where it is small."""
    if share >= 0.0005:
        return percent(share)
    return f"1 in {float(f'{1 / share:.2g}'):,.0f}"


def of_a_hundred(share: float) -> str:
    """Return a share as a number out of 100, in words that fit 'of 100 links ...'."""
    if 0.995 <= share < 1:
        return "more than 99"
    return f"about {round(100 * share)}"


def signed(weight: float) -> str:
    """Return a weight in bits with its sign."""
    return f"{round(weight, 1) + 0.0:+.1f}".replace("-", MINUS)  # adding 0.0 unsigns a -0.0
