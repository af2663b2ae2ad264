"""Answering another agency's lookup: what is released, and why what isn't.

Every answer looks alike from outside. The decision is kept in the keystore before the answer
leaves, so that there is never an answer without its reason.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agency_client.columns import ColumnMap
from agency_client.disclosures.own_records import record_ids_of
from agency_client.keystore.store import OpenKeystore
from agency_client.lookups.book import LookupBook, ReadLookup
from agency_client.lookups.notes import Note, keep_note
from agency_client.lookups.person import fields_of_records
from agency_client.reading.source import file_source, open_extract
from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.lookups.content import (
    SALT_BYTES,
    Decision,
    Fields,
    Outcome,
    commit_decision,
    seal_answer,
)
from linkage.protocol.lookups.messages import digest_of, sign_answer


def own_records(map_file: Path, tokens: Sequence[str]) -> dict[str, str]:
    """Return the ids of one's own records by token, both as text; raises as `record_ids_of`."""
    found = record_ids_of(map(bytes.fromhex, tokens), map_file)
    return {token: found[bytes.fromhex(token)] for token in tokens}


def fields_to_release(
    found: ReadLookup, agreement: Agreement, extract: Path, columns: ColumnMap, ids: Sequence[str]
) -> dict[str, list[Fields]]:
    """Return, by record id, the asked fields as they stand in the extract."""
    table = open_extract(file_source(extract))
    return fields_of_records(table, columns, agreement.scheme, found.request.fields, set(ids))


def give_answer(
    book: LookupBook,
    store: OpenKeystore,
    found: ReadLookup,
    records: Sequence[Fields],
    outcome: Outcome,
    reason: str,
    now: int,
) -> Decision:
    """Note the decision, seal and sign the answer, and hand it in.

    Raises `PolicyError` for a lookup of one's own, or one that is over.
    """
    if found.asker == store.identity.name:
        raise PolicyError("This lookup is your own; the other agencies answer it.")
    if found.file.state == "closed" or now >= found.request.until:
        raise PolicyError(f"The lookup {found.id[:8]} is closed; nothing is answered any more.")
    decision = Decision(found.id, now, outcome, len(records), reason)
    salt = secrets.token_bytes(SALT_BYTES)
    asked = (found.signed, found.request)
    answer = seal_answer(
        book.agreement, found.asker, asked, records, commit_decision(salt, decision), now,
        store.identity,
    )  # fmt: skip
    signed = sign_answer(answer, store.identity)
    note = Note(decision, salt.hex(), digest_of(signed))
    keep_note(store, note)
    book.answer(found.id, signed)
    keep_note(store, replace(note, given=True))
    return decision
