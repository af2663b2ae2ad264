"""CLKs as JSON to and from files of encodings."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agency_client.outputs import refuse_unusable, write_together
from agency_client.textfiles import read_text
from hashing.clk_json import clks_to_json, parse_clks
from hashing.tokens import RecordTokens, random_order
from linkage.encodings import Encodings, GroupLayout, Header, read_encodings, write_encodings
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement


def export_clks(source: Path, out: Path, tokens_out: Path | None) -> int:
    """Write encodings as JSON of CLKs and, if asked, their tokens, one in hex a line.

    Returns the number of CLKs. Raises a `LinkageError` or an `OSError`.
    """
    refuse_unusable([path for path in (out, tokens_out) if path], (source,))
    with source.open("rb") as stream:
        encodings = read_encodings(stream, source.name)
    text = clks_to_json(encodings, source.name)
    if tokens_out is not None:
        lines = "".join(f"{token.tobytes().hex()}\n" for token in encodings.tokens)
        tokens_out.write_text(lines, encoding="ascii")
    out.write_text(text, encoding="ascii")
    return len(encodings)


def import_clks(source: Path, agreement: Agreement, agency: str, out: Path, map_out: Path) -> int:
    """Write CLKs in JSON as encodings, shuffled under random tokens, with their map.

    A CLK without a bit is a record without a value. Returns the number of records.
    """
    agreement.require_party(agency)
    groups = agreement.scheme.group
    if len(groups) != 1:
        raise InputError(
            f"The agreement's scheme has {len(groups)} groups, and a CLK is one; agree on the "
            "scheme that 'agency-client scheme import-clkhash' makes of the clkhash schema."
        )
    clks = parse_clks(read_text(source), source.name)
    if clks.shape[1] * 8 != groups[0].length:
        raise InputError(
            f"{source.name} has CLKs of {clks.shape[1] * 8} bits and the agreement's have "
            f"{groups[0].length}; import the schema under which they were made."
        )
    order = random_order(len(clks))
    bits = np.ascontiguousarray(clks[order]).view("<u8").astype(np.uint64)[:, None, :]
    ids = [str(at + 1) for at in order]
    layout = (GroupLayout(groups[0].name, groups[0].length),)
    header = Header(agency, agreement.scheme.digest(), layout)
    present = np.asarray(bits.any(axis=2), np.bool_)
    encodings = Encodings(header, RecordTokens().of(pa.array(ids)), bits, present)
    tokens = [token.tobytes().hex() for token in encodings.tokens]
    table = pa.table({"record_token": tokens, "record_id": ids})

    def write_map(sink: IO[bytes]) -> None:
        pq.write_table(table, sink)

    def write_out(sink: IO[bytes]) -> None:
        write_encodings(sink, header, [encodings])

    write_together(map_out, write_map, out, write_out)
    return len(encodings)
