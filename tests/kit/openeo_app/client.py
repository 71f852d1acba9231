# mypy: ignore-errors
# Runs in a virtual environment of its own, whose packages the type checker of this one does not see.
"""What the official client sees of an account: `python client.py URL` prints its jobs and their files as JSON."""

from __future__ import annotations

import json
import sys
import warnings

warnings.simplefilter("ignore")

import openeo  # noqa: E402  # after its warnings were silenced
from openeo.rest.connection import paginate  # noqa: E402  # the same


def main() -> None:
    connection = openeo.connect(sys.argv[1], auto_validate=False)
    connection.authenticate_basic("alice", "alice-password")
    finished = [
        job["id"]
        for page in paginate(connection, "/jobs", params={"limit": 5})
        for job in page["jobs"]
        if job["status"] == "finished"
    ]
    files = {}
    for job in finished:
        results = connection.job(job).get_results()
        names = {asset.name for asset in results.get_assets()}
        for link in results.get_metadata()["links"]:
            if link["rel"] == "item":
                answer = connection.get(link["href"], check_error=False)
                names |= set(answer.json()["assets"]) if answer.status_code == 200 else set()
        files[job] = sorted(names)
    sys.stdout.write(json.dumps({"jobs": finished, "files": files}))


main()
