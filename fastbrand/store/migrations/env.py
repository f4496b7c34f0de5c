"""Alembic's environment: the connection comes from ``Database.migrate``, already inside its transaction."""

from __future__ import annotations

from alembic import context

from fastbrand.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
