"""The errors that Concord raises for people to read.

::

    LinkageError            exit code 1: the work failed
    ├── InputError          exit code 1: a file or a value handed in is not usable
    │   └── MissingError    exit code 1: there is no such thing, or none that the caller may see
    ├── UnavailableError    exit code 1: something that is needed can't be reached now
    ├── VerificationError   exit code 3: altered, truncated, or made for another scheme
    ├── PolicyError         exit code 4: possible, but refused by a rule that protects people
    │   └── ConflictError   exit code 4: something else stands there already and stays
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


class MissingError(InputError):
    """What was asked for isn't there, or isn't for this caller to see."""


class UnavailableError(LinkageError):
    """Something that is needed can't be reached now; later it may be."""


class VerificationError(LinkageError):
    """What was received isn't what was sent, or wasn't made for this agreement."""

    exit_code = 3


class PolicyError(LinkageError):
    """It could be done, and a rule forbids it."""

    exit_code = 4


class ConflictError(PolicyError):
    """Something else was stored in its place before, and what was stored stays."""


class NotReadyError(LinkageError):
    """Nothing is wrong, but a day or another party's part has yet to come."""

    exit_code = 75
