"""What Alembic runs: the steps from the database's revision to the newest, on the connection it is handed."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="schema_version", transactional_ddl=False)
context.run_migrations()
