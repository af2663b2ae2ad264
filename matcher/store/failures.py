"""What can be wrong with the database.

::

    UnavailableError
    └── DatabaseError         it can't be reached, is busy, or its disk is full
        └── VersionError      its tables aren't those of this release
"""

from __future__ import annotations

from linkage.errors import UnavailableError


class DatabaseError(UnavailableError):
    """The database can't do now what was asked of it; nothing was changed unless it says so."""


class VersionError(DatabaseError):
    """The tables are of an earlier or a later release."""
