"""What Alembic runs: migrations within the transaction that `matcher.store.migrating` has begun."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite can roll table definitions back, too, since the driver's own transactions are off.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
