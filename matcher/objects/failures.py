"""What can be wrong with the store of objects.

::

    UnavailableError
    └── ObjectsError            it can't be reached, refuses, or is full
        └── ObjectMissingError  there is no such object
"""

from __future__ import annotations

from linkage.errors import UnavailableError


class ObjectsError(UnavailableError):
    """The store can't do now what was asked of it; what was to be stored isn't there."""


class ObjectMissingError(ObjectsError):
    """There is no object of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The object {key} is missing from the store; restore it from a backup, or let its "
            "agency send it again."
        )
