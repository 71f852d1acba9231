"""Schema changes of the ledger, one module in `versions/` each, run forward only (Alembic)."""

HEAD = "0002"
"""The newest revision in `versions/`; a ledger that already has it is opened without loading Alembic."""
