"""The errors that Concord raises for people to read.

::

    LinkageError            exit code 1: the work failed
    ├── InputError          exit code 1: a file or a value handed in is not usable
    ├── VerificationError   exit code 3: altered, truncated, or made for another scheme
    ├── PolicyError         exit code 4: possible, but refused by a rule that protects people
    └── NotReadyError       exit code 75: right as it is, and others have yet to do their part

Every message is one sentence that says what is wrong, where, and how to mend it. It never holds
a secret or a whole record; a single cell is quoted only by the agency's own client, on the
agency's own screen.
"""

from __future__ import annotations

from typing import ClassVar


class LinkageError(Exception):
    """Any failure that a user of Concord can do something about."""

    exit_code: ClassVar[int] = 1


class InputError(LinkageError):
    """A file, a column, a cell or a setting can't be used as it is."""


class VerificationError(LinkageError):
    """What was received isn't what was sent, or wasn't made for this agreement."""

    exit_code = 3


class PolicyError(LinkageError):
    """It could be done, and a rule forbids it."""

    exit_code = 4


class NotReadyError(LinkageError):
    """Nothing is wrong, but a day or another party's part has yet to come."""

    exit_code = 75
