"""Who delivers: one module or folder per provider kind, found by its name."""
