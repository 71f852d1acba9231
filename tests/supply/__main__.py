"""`python -m tests.supply audit|sbom|licences`: what is delivered with stacsync, and whether it is known to be weak.

audit PROGRAM    ask pip-audit (a path to it): exit code 0 all well, 1 a weakness is known, 3 nobody could say
sbom FILE        write the bill of materials (CycloneDX 1.6, JSON)
licences         print a table of packages and their licences
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.supply.audit import audit
from tests.supply.bill import bill, licence
from tests.supply.lock import RUN, read


def main(words: list[str]) -> int:
    """Do what the first word says; return the exit code."""
    packages = read(RUN)
    match words:
        case ["audit", program]:
            found = audit(Path(program), RUN, tuple(one.name for one in packages))
            sys.stdout.write(found.told() + "\n")
            return found.code
        case ["sbom", file]:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(json.dumps(bill(packages), indent=2) + "\n")
            sys.stdout.write(f"{file}: {len(packages)} packages\n")
        case ["licences"]:
            rows = [f"| {one.name} | {one.version} | {licence(one.name)} |" for one in packages]
            sys.stdout.write("\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows]) + "\n")
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
