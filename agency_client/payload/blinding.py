"""Payload as one analyst gets it: people by ids that are made for them, places by keyed tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from agency_client.payload.preparing import PreparedPayload
from hashing.places import place_key, place_tokens
from hashing.secret import LinkageSecret
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.persons import PERSON_BYTES, person_ids
from linkage.protocol.cohort.tables import PayloadTables


def place_keys(
    secret: LinkageSecret, agreement: Agreement, analysts: Iterable[str]
) -> dict[str, bytes]:
    """Return the key of each analyst's place tokens in the agreement's epoch."""
    own = agreement.agreement
    return {analyst: place_key(secret, own.id, own.epoch, analyst) for analyst in analysts}


def tables_for(prepared: PreparedPayload, blinding: bytes, places: bytes) -> PayloadTables:
    """Return the tables to seal to one analyst.

    ``blinding`` is the key of the ids, 32 bytes, drawn for this analyst and round; ``places`` that
    of the analyst's place tokens.
    """
    ids = person_ids(blinding, prepared.records.tokens)
    buffers = [None, pa.py_buffer(np.ascontiguousarray(ids))]
    people = pa.Array.from_buffers(pa.binary(PERSON_BYTES), len(ids), buffers)
    events, associations = prepared.events.columns, prepared.associations.columns
    return PayloadTables(
        pa.table({"person": people, **prepared.attributes}),
        pa.table(
            {
                "person": people.take(events["record"]),
                **{name: events[name] for name in ("event", "date", "kind", "district")},
                "place": _tokens(events["place"], places),
            }
        ),
        pa.table(
            {
                "person": people.take(associations["record"]),
                "other": people.take(associations["other"]),
                **{name: associations[name] for name in ("association", "date")},
                "place": _tokens(associations["place"], places),
            }
        ),
    )


def _tokens(texts: Any, key: bytes) -> Any:
    """Return the tokens of places, an Arrow array of strings; each place is hashed once."""
    encoded = texts.dictionary_encode()
    tokens = place_tokens(key, encoded.dictionary.to_pylist())
    return pa.array(tokens, pa.binary(PERSON_BYTES)).take(encoded.indices)
