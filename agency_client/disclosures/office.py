"""What every command about disclosures works with: keys, agreement, matcher and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agency_client.keystore.pins import remember, require_newest
from agency_client.keystore.store import OpenKeystore
from agency_client.matcher_api.disclosures import DisclosuresApi
from agency_client.signatures import signatures_of
from agency_client.textfiles import read_text
from linkage.audit.events import Text
from linkage.audit.keys import VerifierKey
from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.keys import Identity
from linkage.protocol.sections.party import Role
from linkage.protocol.standing import Standing, require_in_force, standing

Clock = Callable[[], datetime]
_TEXT = TypeAdapter(Text)


def utc_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Office:
    """One party at work under one agreement, on a connection to its matcher."""

    api: DisclosuresApi
    agreement: Agreement
    own: Identity
    clock: Clock = utc_now

    @property
    def name(self) -> str:
        """The party's name."""
        return self.own.name

    @property
    def log_key(self) -> VerifierKey:
        """The key of the matcher's log."""
        return self.api.connection.place.log_key

    @property
    def seconds(self) -> int:
        """The time, POSIX seconds."""
        return int(self.clock().timestamp())

    def require_role(self, *roles: Role) -> None:
        """Raise `PolicyError` unless the agreement gives this party one of the roles."""
        if not any(self.name in self.agreement.names(role) for role in roles):
            raise PolicyError(
                f"{self.name!r} is no {' and no '.join(roles)} of the agreement "
                f"{self.agreement.agreement.id!r}, so it has no part in this."
            )


def agreed(store: OpenKeystore, file: Path, today: date, *, over: bool = False) -> Agreement:
    """Return the agreement in ``file`` if it is in force, or with ``over`` if it ever was.

    Its signatures lie beside it. Raises as `require_in_force`; `PolicyError` where the keystore
    has worked under a later version, or isn't that of a party.
    """
    agreement = parse_agreement(read_text(file), file.name)
    found = standing(agreement, signatures_of(file, ()), today)
    if not (over and _was_in_force(found)):
        require_in_force(agreement, found)
        require_newest(store, agreement)
        remember(store, agreement)
    if store.identity.public not in agreement.identities:
        raise PolicyError(
            f"{store.identity.name!r} with these keys is no party of the agreement "
            f"{agreement.agreement.id!r}; choose another keystore or another agreement."
        )
    return agreement


def _was_in_force(found: Standing) -> bool:
    return found.state in {"in force", "ended", "replaced"}


def require_plain(text: str, what: str) -> str:
    """Return a text that may stand in the log; raise `InputError` where it might name somebody."""
    trimmed = " ".join(text.split())
    if not trimmed:
        raise InputError(f"The {what} is empty; say it in a sentence.")
    try:
        return _TEXT.validate_python(trimmed)
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(
            f"The {what} is kept in the log that others read, and it {_must(fault)}; say it in "
            "other words, and refer to a case by the reference."
        ) from None


def _must(fault: str) -> str:
    return fault if fault.startswith("must") else "has at most 1,000 characters"
