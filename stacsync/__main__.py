"""`python -m stacsync` and the console script `stacsync`."""

from __future__ import annotations

import sys

from stacsync.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
