"""What follows from a leakage report: go on, or not."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from hashing.risk import LeakageReport
from linkage.errors import InputError, VerificationError
from linkage.protocol.leakage import Reason

_REASON = TypeAdapter(Reason)


class LeakageError(VerificationError):
    """The encodings give away more than the limit; exit code 3."""


def require_sayable(overruled: str | None) -> None:
    """Raise `InputError` for a reason that can't go on record, since others read it, too."""
    if overruled is None:
        return
    try:
        _REASON.validate_python(overruled)
    except ValidationError:
        raise InputError(
            "The reason for overruling can't go on record, where the matcher and data protection "
            "officers read it: leave out dates, long numbers, postcodes and addresses, and keep to "
            "one line of at most 1,000 characters."
        ) from None


def require_no_leak(report: LeakageReport, overruled: str | None) -> None:
    """Raise `LeakageError` if an attack got over the limit and nobody has overruled it.

    ``overruled`` is the reason given for going on all the same, which must not be blank.
    """
    if report.passed or (overruled and overruled.strip()):
        return
    worst = report.failed[0]
    plain = ""
    if report.undiffused:
        plain = (
            f" The scheme leaves {', '.join(report.undiffused)} undiffused, and plain filters "
            "always fail: use a diffused scheme."
        )
    raise LeakageError(
        f"The attack '{worst.attack}' re-identified "
        f"{worst.share:.1%} of {worst.records:,} records ({worst.sample}, "
        f"{describe_groups(worst.groups)}), where chance gives {worst.baseline:.1%} and "
        f"{report.limit:.0%} more is the limit; agree on a scheme that hides more, or put on "
        f"record with '--overrule \"REASON\"' why the encodings may go all the same.{plain}"
    )


def describe_groups(groups: tuple[str, ...]) -> str:
    """Name one group, or several."""
    return f"group {groups[0]}" if len(groups) == 1 else f"groups {' + '.join(groups)}"
