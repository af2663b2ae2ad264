"""Agreements that the operator has admitted, and what their parties have sent about them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table, UniqueConstraint

from matcher.store.tables.base import metadata

agreements = Table(
    "agreements",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    # The canonical JSON, of which the digest is the SHA-256.
    Column("content", LargeBinary, nullable=False),
    Column("admitted", BigInteger, nullable=False),
    UniqueConstraint("id", "version"),
)

party_keys = Table(
    "party_keys",
    metadata,
    # Whose requests are heard at all: the signing keys of the parties, by fingerprint.
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("fingerprint", String(64), primary_key=True, index=True),
    Column("party", String(64), nullable=False),
    Column("signing_key", String(128), nullable=False),
)

agreement_signatures = Table(
    "agreement_signatures",
    metadata,
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

secret_messages = Table(
    "secret_messages",
    metadata,
    # The commitment to an epoch's secret (recipient empty), and the secret sealed to each agency.
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("recipient", String(64), primary_key=True),
    Column("sender", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("agency", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    # A row is there from the moment on at which all agencies' answers were found alike.
    Column("agreement", String(64), ForeignKey("agreements.digest"), primary_key=True),
    Column("round", BigInteger, primary_key=True, autoincrement=False),
    Column("opened", BigInteger, nullable=False),
)
