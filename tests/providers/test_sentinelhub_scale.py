"""Many features: streamed, never collected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sentinelhub_100k.py"
HERE = {**os.environ, "PYTHONPATH": str(BENCHMARK.parents[1])}


def test_many_features_take_no_more_memory_than_few() -> None:
    """12,000 features of three outputs are told with the memory of a handful; a second pass reads the listing alone."""
    found = {
        count: json.loads(
            subprocess.run(
                [sys.executable, str(BENCHMARK), str(count), "3"], check=True, capture_output=True, text=True, env=HERE
            ).stdout
        )
        for count in (100, 12_000)
    }
    assert found[12_000]["items"] == 12_000
    assert found[12_000]["assets"] == 36_000
    assert found[12_000]["rss_peak_mb"] < found[100]["rss_peak_mb"] + 20
    assert found[12_000]["second_pass_s"] < found[12_000]["told_s"]
