"""The options of ``push`` for payload, and what it does about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agency_client.cli.failures import say
from agency_client.cli.options import FILE
from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.vault import load_secret
from agency_client.payload.files import PayloadFiles
from linkage.protocol.agreement import Agreement

if TYPE_CHECKING:
    from agency_client.matcher_api.api import MatcherApi
    from agency_client.payload.preparing import PreparedPayload
    from agency_client.payload.pushing import PushedPayload


@dataclass(frozen=True)
class PayloadDesk:
    """The files of payload that a command names, and the map of the encodings."""

    files: PayloadFiles
    map: Path | None


def payload_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of payload to a command, which gets them as ``payload``."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        names = ("attributes", "events", "associations", "payload_columns")
        files = PayloadFiles(*(options.pop(name) for name in names))
        own_map: Path | None = options.pop("own_map")
        if files and own_map is None:
            raise click.UsageError("give --map: payload is by record, and the map has your records")
        if not files and (own_map or files.columns):
            raise click.UsageError("give --attributes, --events or --associations, too")
        return command(*args, payload=PayloadDesk(files, own_map), **options)

    for name, kind, help_ in reversed(_OPTIONS):
        several = name in {"--attributes", "--events", "--associations"}
        run = click.option(name, kind, type=FILE, multiple=several, help=help_)(run)
    return run


_OPTIONS = (
    ("--map", "own_map", "The map that was written with FILE; it stays here."),
    (
        "--attributes",
        "attributes",
        "Table: record_id, and attributes of the agreement. Again for more.",
    ),
    ("--events", "events", "Table: record_id, event, date; kind, place, postcode. Again for more."),
    (
        "--associations",
        "associations",
        "Table: record_id, other_record_id, association; date, place, postcode. Again for more.",
    ),
    ("--payload-columns", "payload_columns", "Your headings in these tables (TOML)."),
)


def checked_payload(desk: PayloadDesk, agreement: Agreement, file: Path) -> PreparedPayload | None:
    """Read and check all payload before anything is sent; None where there is none."""
    from agency_client.payload.checking import Terms
    from agency_client.payload.preparing import payload_terms, prepare
    from agency_client.payload.records import read_own_records

    if desk.map is None:
        return None
    terms = Terms(agreement, payload_terms(agreement), datetime.now(UTC).date())
    prepared = prepare(desk.files, read_own_records(desk.map, file), terms)
    for warning in prepared.warnings:
        say(warning)
    return prepared


def show_payload(
    prepared: PreparedPayload | None, agreement: Agreement, output: str
) -> dict[str, Any]:
    """Say what would travel to whom, and in what form; return it for JSON."""
    from agency_client.agreement_words import (
        associations_in_words,
        attributes_in_words,
        events_in_words,
    )
    from agency_client.payload.preparing import payload_terms

    if prepared is None:
        return {}
    payload, counts = payload_terms(agreement), prepared.counts()
    forms = {
        "attributes": attributes_in_words(payload),
        "events": events_in_words(payload),
        "associations": associations_in_words(payload),
    }
    analysts = agreement.names("analyst")
    if output != "json":
        click.echo(
            f"would be sealed to {', '.join(analysts)}, by {len(prepared.records):,} records:"
        )
        for part, found in counts.items():
            for name, count in found.items():
                click.echo(f"  {part[:-1]} {name}: {count:,}; {forms[part][name]}")
    return {"payload": {"analysts": analysts, "counts": counts, "forms": forms}}


def push_payload(
    prepared: PreparedPayload | None,
    api: MatcherApi,
    store: OpenKeystore,
    agreement: Agreement,
    round_number: int,
    file: Path,
) -> list[PushedPayload]:
    """Seal and send the payload to each analyst; nothing where there is none."""
    from agency_client.matcher_api.cohorts import CohortsApi
    from agency_client.payload.blinding import place_keys
    from agency_client.payload.pushing import PayloadPush

    if prepared is None:
        return []
    analysts = agreement.names("analyst")
    with load_secret(store, agreement).lent() as secret:
        places = place_keys(secret, agreement, analysts)
    push = PayloadPush(
        CohortsApi(api.connection, agreement.digest()),
        agreement,
        store.identity,
        round_number,
        file,
    )
    return [push.run(prepared, analyst, places[analyst]) for analyst in analysts]
