"""A payload as it travels: pieces of one size, each sealed by an agency to one analyst.

The tables are filled up to whole pieces, so that their number is all that the matcher learns of
what is in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from linkage.errors import InputError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.messages import MOST_PIECES, PayloadManifest
from linkage.protocol.cohort.persons import blinding_digest
from linkage.protocol.cohort.tables import PayloadTables, parse_tables, tables_bytes
from linkage.protocol.keys import SEALING_OVERHEAD, SIGNATURE_BYTES, Identity
from linkage.protocol.sealing import Context, open_sealed, require_sealed_for, seal, size_class

PIECE_KIND = "payload"
PIECE_BYTES = 2**20 - SIGNATURE_BYTES - 8
"""The bytes of every piece: as many as a sealed message of 1 MiB holds."""
MOST_SEALED = 2**20 + SEALING_OVERHEAD + 2**13
"""No sealed piece has more bytes; its two lines of text vary a little."""


def seal_payload(
    agreement: Agreement,
    round_number: int,
    analyst: str,
    tables: PayloadTables,
    blinding: bytes,
    own: Identity,
) -> tuple[PayloadManifest, list[bytes]]:
    """Return the manifest to sign and the sealed pieces of an agency's payload for one analyst.

    ``blinding`` are the 32 random bytes that the ids in ``tables`` were made with. Raises
    `InputError` where it is more than a payload holds.
    """
    content = tables_bytes(tables, attributes_of(agreement), PIECE_BYTES)
    count = len(content) // PIECE_BYTES
    if count > MOST_PIECES:
        raise InputError(
            f"The payload has {count:,} pieces of 1 MiB, and {MOST_PIECES:,} are the most; leave "
            "out attributes or events that nobody needs."
        )
    recipient = agreement.identity(analyst)
    pieces = [
        seal(
            recipient,
            _context(agreement, round_number, number),
            content[number * PIECE_BYTES : (number + 1) * PIECE_BYTES],
            own,
        )
        for number in range(count)
    ]
    manifest = PayloadManifest(
        agreement.digest(),
        agreement.agreement.epoch,
        round_number,
        analyst,
        blinding_digest(blinding),
        tuple(map(_digest, pieces)),
    )
    return manifest, pieces


def require_piece(
    content: bytes,
    agreement: Agreement,
    round_number: int,
    number: int,
    agency: str,
    analyst: str,
) -> None:
    """Raise `VerificationError` unless it is that piece, of the one size, from one to the other.

    That is all that can be seen without the analyst's key.
    """
    source = f"Piece {number} of the payload of {agency!r}"
    require_sealed_for(
        content,
        source,
        _context(agreement, round_number, number),
        agreement.identity(agency),
        agreement.identity(analyst),
    )
    ciphertext = content.split(b"\n", 2)[2]
    if len(ciphertext) - SEALING_OVERHEAD != size_class(PIECE_BYTES):
        raise VerificationError(f"{source} hasn't the size that all pieces have; seal it again.")


def open_payload(
    agreement: Agreement,
    agency: str,
    manifest: PayloadManifest,
    pieces: Sequence[bytes],
    own: Identity,
) -> PayloadTables:
    """Return what an agency has sealed to the analyst ``own``; raises `VerificationError`.

    ``manifest`` is the agency's, verified. Whether the terms in the tables are those of the
    agreement's ``[payload]`` is for the caller to look at.
    """
    source = f"the payload of {agency!r}"
    if tuple(map(_digest, pieces)) != manifest.pieces:
        raise VerificationError(
            f"The pieces aren't those that {agency!r} has signed for; ask for them again."
        )
    sender = agreement.identity(agency)
    content = b"".join(
        open_sealed(
            piece,
            f"piece {number} of {source}",
            _context(agreement, manifest.round, number),
            sender,
            own,
        )
        for number, piece in enumerate(pieces)
    )
    return parse_tables(content, source, attributes_of(agreement), PIECE_BYTES)


def attributes_of(agreement: Agreement) -> list[str]:
    """Return the names of the attributes that may travel, in order."""
    return sorted(agreement.payload.attributes) if agreement.payload else []


def _context(agreement: Agreement, round_number: int, number: int) -> Context:
    return Context(
        agreement=agreement.digest(),
        epoch=agreement.agreement.epoch,
        round=round_number,
        kind=PIECE_KIND,
        sequence=number,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
