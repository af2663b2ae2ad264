"""Who is signed in to the console, and which requests were refused."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table

from matcher.store.tables.base import metadata

console_sessions = Table(
    "console_sessions",
    metadata,
    # SHA-256 of what the browser's cookie holds: who reads this can't use it.
    Column("token", String(64), primary_key=True),
    Column("agreement", String(64), ForeignKey("agreements.digest"), nullable=False),
    # The key that has signed the link, for as long as it is a party's.
    Column("fingerprint", String(64), nullable=False),
    Column("opened", BigInteger, nullable=False),
    # The latest request, to the minute.
    Column("seen", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
)

refused_requests = Table(
    "refused_requests",
    metadata,
    # How many of a kind on a day (UTC, its first second): so it grows with days, not with requests.
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    # Empty where it isn't known, or isn't one that is admitted here.
    Column("agreement", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    # Method and template of the address, and the name of the problem.
    Column("endpoint", String(160), primary_key=True),
    Column("problem", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)
