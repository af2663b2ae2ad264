"""Events about something that was done under an agreement, in the agreement's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict, Unpack

from pydantic import ValidationError

from linkage.audit.events import AgreementReference, Event
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement

_MOST = 500


class Details(TypedDict, total=False):
    """What an event may say beside who did what when; see `Event`."""

    recipients: Iterable[str]
    counts: Mapping[str, int]
    digests: Mapping[str, str]
    justification: str


def event_about(
    agreement: Agreement,
    kind: str,
    party: str,
    at: datetime,
    **details: Unpack[Details],
) -> Event:
    """Return the event that ``party`` did something of a kind at ``at`` (UTC).

    Purpose and lawful basis are the agreement's: its purpose codes, and the beginning of its words.
    Raises `InputError` for a justification that could name somebody.
    """
    terms = agreement.agreement
    try:
        return Event(
            kind=kind,
            at=at.replace(microsecond=0),
            party=party,
            agreement=AgreementReference(agreement.digest(), terms.id, terms.version),
            purpose=_phrase(", ".join(terms.purpose_codes)),
            lawful_basis=_phrase(terms.lawful_basis or ""),
            recipients=tuple(sorted(set(details.get("recipients", ())))),
            counts=dict(details.get("counts", {})),
            digests=dict(details.get("digests", {})),
            justification=details.get("justification", ""),
        )
    except ValidationError as error:
        if any(fault["loc"] != ("justification",) for fault in error.errors()):
            raise  # nothing that a party could have written
        raise InputError(
            "What you give as the reason can't be entered into the log, which others read and "
            "which names nobody: it must be one line without a date in figures, a number of six "
            "digits or more, a postcode or an @; say it in other words."
        ) from None


def operator_of(agreement: Agreement) -> str:
    """Return the name of the party that runs the matcher: an admitted agreement has just one."""
    return agreement.names("matcher")[0]


def _phrase(text: str) -> str:
    """Return the text as one line of visible characters, cut to what an event may hold."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    cut = line if len(line) <= _MOST else line[: _MOST - 1] + "…"
    return cut or "not stated"
