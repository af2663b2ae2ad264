"""Marking protected people, such as the adopted, among an agency's own records."""

from __future__ import annotations

from collections.abc import Sequence

from agency_client.disclosures.office import Office
from linkage.errors import InputError
from linkage.protocol.disclosure.protection import (
    MOST_PROTECTED,
    ProtectedRecords,
    sign_protected,
)


def protect(office: Office, tokens: Sequence[str]) -> None:
    """Mark exactly these records (tokens in hex, in order), in place of any marks from before.

    The matcher learns that they are protected, and not why. Raises `InputError` for too many.
    """
    if len(tokens) > MOST_PROTECTED:
        raise InputError(f"At most {MOST_PROTECTED:,} records can be marked.")
    own = office.agreement
    marks = ProtectedRecords(own.digest(), own.agreement.epoch, office.seconds, tuple(tokens))
    office.api.protect(sign_protected(marks, office.own))
