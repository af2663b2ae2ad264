"""What can be wrong with a backup."""

from __future__ import annotations

from linkage.errors import VerificationError


class BackupError(VerificationError):
    """The file isn't a whole backup of this matcher; nothing was restored from it."""
