"""Lookups in words, for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from linkage.audit.events import Event
from linkage.protocol.lookups.replies import LookupEntry

if TYPE_CHECKING:
    from agency_client.lookups.book import ReadLookup
    from agency_client.lookups.notes import Note
    from agency_client.lookups.opening import Opened


def when(seconds: int) -> str:
    """Return POSIX seconds as people read them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def visible(text: str) -> str:
    """Return another party's text without anything that a terminal would act on."""
    return "".join(own if own.isprintable() else "\ufffd" for own in text)


def entry_text(entry: LookupEntry, own: str) -> str:
    """Return a lookup as a line."""
    if entry.asker == own:
        state = "to be opened" if entry.state == "closed" else "waiting for answers"
    else:
        state = "answered" if entry.answered else "not answered"
    return f"{entry.id[:16]}  {entry.asker:<20} until {when(entry.until)}  {state}"


def shown_json(
    found: ReadLookup, records: list[str] | None, note: Note | None, opened: Event | None
) -> dict[str, Any]:
    """Return what is asked, what may be meant, what was decided, and when it was opened."""
    request = found.request
    shown: dict[str, Any] = {
        "id": found.id,
        "state": found.file.state,
        "asker": found.asker,
        "purpose": request.purpose,
        "reference": request.reference,
        "necessity": request.necessity,
        "fields": list(request.fields),
        "at": request.at,
        "until": request.until,
        "compared": found.file.compared,
        "matches": len(found.matches),
        "opened": None if opened is None else int(opened.at.timestamp()),
    }
    if records is not None:
        shown["records"] = records
    if note is not None:
        shown["decision"] = {
            "outcome": note.decision.outcome,
            "records": note.decision.records,
            "reason": note.decision.reason,
            "at": note.decision.at,
            "given": note.given,
            "salt": note.salt,
        }
    return shown


def shown_text(shown: dict[str, Any]) -> str:
    """Return what `shown_json` says in lines."""
    lines = [
        f"lookup     {shown['id'][:16]} ({shown['state']})",
        f"asked by   {shown['asker']} at {when(shown['at'])}, for {shown['purpose']}",
        f"reference  {visible(shown['reference'])}",
        f"necessity  {visible(shown['necessity'])}",
        f"fields     {', '.join(shown['fields'])}",
        f"answers    are handed over at {when(shown['until'])}",
        "records    " + _records_text(shown),
    ]
    if shown["opened"] is not None:
        lines.append(
            f"opened     by {shown['asker']} at {when(shown['opened'])}, as the log has it"
        )
    if "decision" in shown:
        own = shown["decision"]
        because = f", because: {own['reason']}" if own["reason"] else ""
        lines.append(f"you said   {own['outcome']}, {own['records']} records{because}")
        if not own["given"]:
            lines.append("           which the matcher hasn't acknowledged; answer again")
    return "\n".join(lines)


def leaving_text(found: ReadLookup, records: Sequence[dict[str, str]], decided: str) -> str:
    """Return exactly what would leave with an answer."""
    if not records:
        return f"To {found.asker} goes an answer that holds nothing ({decided})."
    lines = [f"To {found.asker}, and nobody else, would go of {len(records)} records:"]
    for number, row in enumerate(records, start=1):
        lines += [f"  {number}  {name:<16} {visible(value)}" for name, value in row.items()]
    return "\n".join(lines)


def opened_json(found: ReadLookup, opened: Opened) -> dict[str, Any]:
    """Return what was released, by agency."""
    return {
        "id": found.id,
        "reference": found.request.reference,
        "released": {name: list(rows) for name, rows in opened.released.items() if rows},
        "answered": sorted(opened.released),
        "silent": list(opened.silent),
    }


def opened_text(found: ReadLookup, opened: Opened) -> str:
    """Return what was released in lines, agency by agency."""
    return "\n".join(_opened_lines(found, opened))


def _opened_lines(found: ReadLookup, opened: Opened) -> Iterator[str]:
    released = {name: rows for name, rows in opened.released.items() if rows}
    yield f"{visible(found.request.reference)}: released by {', '.join(released) or 'nobody'}"
    for name, rows in released.items():
        for number, row in enumerate(rows, start=1):
            yield f"{name}, record {number}"
            yield from (f"  {field:<16} {visible(row.get(field, ''))}" for field in row)
    if opened.silent:
        yield f"no answer came from {', '.join(opened.silent)}"
    yield "Who released nothing may hold nothing, or not share it; that can't be told apart."


def _records_text(shown: dict[str, Any]) -> str:
    if not shown["compared"]:
        return "not compared with the newest run yet"
    if shown.get("records"):
        return ", ".join(shown["records"])
    return f"{shown['matches']} of yours may be the person" if shown["matches"] else "none of yours"
