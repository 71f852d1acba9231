"""The ledger: what was done, so that the next pass does only what is left (SQLAlchemy Core; SQLite or PostgreSQL)."""
