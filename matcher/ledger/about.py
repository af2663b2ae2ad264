"""Events about something that was done under an agreement, in the agreement's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from linkage.audit.events import AgreementReference, Event
from linkage.protocol.agreement import Agreement

_MOST = 500


def event_about(
    agreement: Agreement,
    kind: str,
    party: str,
    at: datetime,
    *,
    recipients: Iterable[str] = (),
    counts: Mapping[str, int] | None = None,
    digests: Mapping[str, str] | None = None,
    justification: str = "",
) -> Event:
    """Return the event that ``party`` did something of a kind at ``at`` (UTC).

    Purpose and lawful basis are the agreement's: its purpose codes, and the beginning of its words.
    """
    terms = agreement.agreement
    return Event(
        kind=kind,
        at=at.replace(microsecond=0),
        party=party,
        agreement=AgreementReference(agreement.digest(), terms.id, terms.version),
        purpose=_phrase(", ".join(terms.purpose_codes)),
        lawful_basis=_phrase(terms.lawful_basis or ""),
        recipients=tuple(sorted(set(recipients))),
        counts=dict(counts or {}),
        digests=dict(digests or {}),
        justification=justification,
    )


def _phrase(text: str) -> str:
    """Return the text as one line of visible characters, cut to what an event may hold."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    cut = line if len(line) <= _MOST else line[: _MOST - 1] + "…"
    return cut or "not stated"
