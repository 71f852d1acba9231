"""One Item more costs a merge, in bounded memory; the same script measures 100,000."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/search_100k.py"


@pytest.mark.slow
def test_one_item_more_costs_a_merge() -> None:
    """In a Collection of 22,000 Items one more writes at most 12 documents, in under 300 MiB, and a search takes under a second."""
    done = subprocess.run([sys.executable, str(SCRIPT), "22000"], stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    assert max(told["anew"]["rss_peak_mb"], told["one_more"]["rss_peak_mb"]) < 300
    assert told["one_more"]["documents"] <= 12
    assert told["one_more"]["index_s"] < told["anew"]["index_s"] / 3
    assert told["search"]["bbox_and_time_median_ms"] < 1000
