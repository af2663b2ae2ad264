"""A verified log for a regulator, as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from agency_client.log_files import opened_bundle
from agency_client.outputs import written_whole
from linkage.audit.events import Event
from linkage.audit.strict import to_base64
from linkage.audit.verification import Trust, VerifiedBundle, verify_bundle
from linkage.errors import InputError

COLUMNS = (
    "number", "at", "verb", "kind", "not_shared", "party", "person", "purpose", "lawful_basis",
    "recipients", "counts", "justification", "agreement", "agreement_version", "agreement_digest",
    "digests",
)  # fmt: skip

# What spreadsheets take for a formula, at the start of a cell and wherever another choice of
# separator or quotes would start one.
_FORMULA = re.compile(r"""(^|[,;|\t\r\n])([\s"']*)(?=[=+\-@＝＋－＠])""")

Write = Callable[[Iterator[bytes], str, Trust, IO[bytes]], VerifiedBundle]


def export_log(bundle: Path, trust: Trust, out: Path) -> VerifiedBundle:
    """Verify a bundle and write its events to ``out``, as its suffix says: .csv or .json.

    A bundle that fails verification is not exported: raises `BundleError`, and ``out`` stays as it
    was. Raises `InputError` for another suffix.
    """
    write = writer_for(out)
    with opened_bundle(bundle) as lines, written_whole(out) as sink:
        return write(lines, bundle.name, trust, sink)


def writer_for(out: Path) -> Write:
    """Return what writes a file of this suffix; raises `InputError`."""
    known: dict[str, Write] = {".csv": _write_csv, ".json": _write_json}
    if out.suffix.lower() not in known:
        raise InputError(f"{out.name} must end in .csv or .json, which says how to write it.")
    return known[out.suffix.lower()]


def _write_csv(
    lines: Iterator[bytes], source: str, trust: Trust, sink: IO[bytes]
) -> VerifiedBundle:
    # The byte-order mark tells spreadsheets that this is UTF-8.
    text = io.TextIOWrapper(sink, encoding="utf-8-sig", newline="", write_through=True)
    table = csv.writer(text, quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)

    def visit(number: int, event: Event) -> None:
        table.writerow(map(harmless, _cells(number, event)))

    try:
        return verify_bundle(lines, source, trust, visit)
    finally:
        text.detach()


def _cells(number: int, event: Event) -> tuple[str, ...]:
    return (
        str(number), event.to_json()["at"], event.verb, event.kind,
        "yes" if event.withheld else "no", event.party, event.person, event.purpose,
        event.lawful_basis, ", ".join(event.recipients), _listed(event.counts),
        event.justification, event.agreement.id, str(event.agreement.version),
        event.agreement.digest, _listed(event.digests),
    )  # fmt: skip


def _listed(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {named[name]}" for name in sorted(named))


def harmless(cell: str) -> str:
    """Return the cell with an apostrophe before whatever a spreadsheet would run as a formula."""
    return _FORMULA.sub(r"\1\2'", cell)


def _write_json(
    lines: Iterator[bytes], source: str, trust: Trust, sink: IO[bytes]
) -> VerifiedBundle:
    def write(value: object) -> None:
        sink.write(json.dumps(value, ensure_ascii=False).encode())

    def visit(number: int, event: Event) -> None:
        sink.write(b",\n" if number > 1 else b"\n")
        write({"number": number, "not_shared": event.withheld} | event.to_json())

    sink.write(b'{"events": [')
    verified = verify_bundle(lines, source, trust, visit)
    sink.write(b'\n],\n"checkpoint": ')
    write(
        {
            "origin": verified.checkpoint.origin,
            "size": verified.checkpoint.size,
            "root": to_base64(verified.checkpoint.root),
        }
    )
    sink.write(b"}\n")
    return verified
