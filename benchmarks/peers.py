"""What users would pick instead to get files from HTTP into a bucket. Each returns the command that does it.

python -m benchmarks.peers boto3 ENDPOINT LIST THREADS
<venv of stac-asset>/python benchmarks/peers.py stac-asset ENDPOINT LIST FOLDER
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PREFIX = "peer"
ACCESS, SECRET = "BENCHBENCH", "bench-secret-key"


def client(endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            max_pool_connections=32,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def with_boto3(endpoint: str, urls: list[str], threads: int) -> None:
    import requests
    from boto3.s3.transfer import TransferConfig

    s3, session, plain = client(endpoint), requests.Session(), TransferConfig(use_threads=False)
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))

    def move(url: str) -> None:
        with session.get(url, stream=True) as answer:
            answer.raise_for_status()
            s3.upload_fileobj(answer.raw, "bench", f"{PREFIX}/boto3/{url.rpartition('/')[2]}", Config=plain)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(move, urls))


def with_stac_asset(endpoint: str, urls: list[str], folder: str) -> None:
    import pystac
    import stac_asset

    item = pystac.Item("bench", None, None, pystac.utils.str_to_datetime("2025-01-01T00:00:00Z"), {})
    for number, url in enumerate(urls):
        item.add_asset(f"a{number}", pystac.Asset(url))
    asyncio.run(stac_asset.download_item(item, folder))
    s3 = client(endpoint)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda url: s3.upload_file(f"{folder}/{name(url)}", "bench", f"{PREFIX}/stac-asset/{name(url)}"), urls
            )
        )


def name(url: str) -> str:
    return url.rpartition("/")[2]


def rclone(program: Path, folder: Path, endpoint: str, urls: list[str], transfers: int) -> list[str | Path]:
    config, listed = folder / "rclone.conf", folder / "rclone.csv"
    config.write_text(
        f"[sink]\ntype = s3\nprovider = Other\nendpoint = {endpoint}\naccess_key_id = {ACCESS}\nsecret_access_key = {SECRET}\n"
        "region = us-east-1\nforce_path_style = true\nno_check_bucket = true\n"
    )
    listed.write_text("".join(f"{url},{name(url)}\n" for url in urls))
    target = f"sink:bench/{PREFIX}/rclone"
    words: list[str | Path] = ["copyurl", "--urls", listed, target, "--transfers", str(transfers)]
    return [program, "--config", config, *words]


def curl(folder: Path, urls: list[str], parallel: int) -> list[str | Path]:
    listed = folder / "curl.cfg"
    listed.write_text("".join(f'url = "{url}"\noutput = /dev/null\n' for url in urls))
    return ["curl", "--silent", "--fail", "--parallel", "--parallel-max", str(parallel), "--config", listed]


def venv_of_stac_asset(root: Path) -> Path | None:
    """Return the Python that has stac-asset, installed apart as it pins boto3 back; None when it cannot be had."""
    python = root / ".venvs" / "stac-asset" / "bin" / "python"
    if not python.exists():
        made = subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=False, capture_output=True)
        if made.returncode:
            return None
    found = subprocess.run([python, "-c", "import stac_asset, boto3"], check=False, capture_output=True)
    if found.returncode:
        wanted = ["stac-asset==0.4.8", "boto3==1.43.117"]  # the newest that its aiobotocore allows
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", *wanted]
        try:
            found = subprocess.run(install, check=False, capture_output=True, timeout=300)
        except subprocess.TimeoutExpired:
            return None
    return None if found.returncode else python


if __name__ == "__main__":
    how, endpoint, listed, more = sys.argv[1:]
    wanted = json.loads(Path(listed).read_text())
    if how == "boto3":
        with_boto3(endpoint, wanted, int(more))
    else:
        Path(more).mkdir(parents=True, exist_ok=True)
        with_stac_asset(endpoint, wanted, more)
