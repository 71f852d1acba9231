"""`stacsync browse` in a real browser: by day, by night and on a phone. Pictures go to test-output/browse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "test-output" / "browse"
BUILD = ROOT / ".venvs" / "stac-browser" / "dist"
PATIENCE = 30_000
"""Milliseconds."""
VIEWS = {
    "light": {"width": 1280, "height": 900},
    "dark": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browse") / "demo"
    command = [sys.executable, "-m", "stacsync", "demo", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    return folder / "catalog"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-quic", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield found
        found.close()


@contextmanager
def browsing(catalog: Path, **environment: str) -> Iterator[str]:
    """`stacsync browse`; gives the first address that it tells."""
    command = [sys.executable, "-m", "stacsync", "browse", str(catalog)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}) as running:
        assert running.stdout is not None
        address = running.stdout.readline().split()[0]
        try:
            yield address
        finally:
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0


@contextmanager
def opened(chromium: Browser, view: str) -> Iterator[tuple[Page, list[str]]]:
    """A tab, and whatever the browser complains about."""
    width, height = VIEWS[view]["width"], VIEWS[view]["height"]
    page = chromium.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if view == "dark" else "light"
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
    yield page, complaints
    page.close()


def looked_at(page: Page, name: str) -> None:
    """Keep a picture; every image is there, nothing runs out of the window, and every link says where it leads."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=OUTPUT / f"{name}.png", full_page=True)
    assert page.evaluate("[...document.images].filter((one) => one.complete && !one.naturalWidth).length") == 0, name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert page.evaluate("[...document.links].filter((one) => !one.textContent.trim()).length") == 0, name


@pytest.mark.parametrize("view", VIEWS)
def test_the_built_in_page_leads_from_the_root_to_an_item(demo: Path, chromium: Browser, view: str) -> None:
    """Root, provider, Collection and Item are a click apart; each shows its title, its picture and where it lies."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with browsing(demo) as address, opened(chromium, view) as (page, complaints):
        page.goto(address)
        main = page.locator("main")
        expect(main.locator("h1")).to_have_text("stacsync demo", timeout=PATIENCE)
        expect(page.locator("nav a")).to_have_count(5, timeout=PATIENCE)
        looked_at(page, f"{view}-root")
        main.get_by_role("link", name="openEO: fields of Belgium").click()
        expect(main.locator("h1")).to_have_text("openEO: fields of Belgium", timeout=PATIENCE)
        looked_at(page, f"{view}-provider")
        main.get_by_role("link", name="NDVI over the Hesbaye").click()
        expect(main.locator("h1")).to_have_text("NDVI over the Hesbaye", timeout=PATIENCE)
        expect(main.locator(".look img").first).to_be_visible(timeout=PATIENCE)
        looked_at(page, f"{view}-collection")
        main.get_by_role("link", name="2025-06-19 NDVI over the Hesbaye").click()
        expect(main.locator("h1")).to_have_text("2025-06-19 NDVI over the Hesbaye", timeout=PATIENCE)
        expect(main.locator(".shape")).to_be_visible(timeout=PATIENCE)
        assert page.evaluate("document.documentElement.scrollHeight") < 2_000
        main.get_by_text("NDVI", exact=True).last.click()
        expect(main.get_by_text("colormap")).to_be_visible(timeout=PATIENCE)
        main.get_by_text("NDVI", exact=True).last.click()
        looked_at(page, f"{view}-item")
        main.locator(".kind").get_by_role("link").click()
        expect(main.locator("h1")).to_have_text("NDVI over the Hesbaye", timeout=PATIENCE)
        assert complaints == []
    paper = np.asarray(Image.open(OUTPUT / f"{view}-item.png").convert("L"))
    assert (np.median(paper) < 60) == (view == "dark")


def test_stac_browser_opens_the_catalog_where_it_is_installed(demo: Path, chromium: Browser) -> None:
    """The first address that is told opens the root in STAC Browser; an Item's raster is drawn on its map."""
    with browsing(demo, STACSYNC_STAC_BROWSER=str(BUILD)) as address, opened(chromium, "light") as (page, complaints):
        page.goto(address)
        expect(page.locator("h1").first).to_have_text("stacsync demo", timeout=PATIENCE)
        expect(page.locator(".catalog-card")).to_have_count(4, timeout=PATIENCE)
        page.get_by_role("link", name="openEO: fields of Belgium").click()
        page.get_by_role("link", name="The Yser polders in true colour").click()
        page.get_by_role("link", name="2025-06-10 The Yser polders in true colour").first.click()
        expect(page.get_by_text("Shown", exact=False).first).to_be_visible(timeout=PATIENCE)
        page.wait_for_timeout(3000)
        page.screenshot(path=OUTPUT / "stac-browser-item.png", full_page=True)
        page.locator(".map").first.screenshot(path=OUTPUT / "stac-browser-map.png")
        assert [one for one in complaints if "openstreetmap" not in one and "ERR_FAILED" not in one] == []
    pixels = np.asarray(Image.open(OUTPUT / "stac-browser-map.png").convert("RGB")).astype(int)
    high, wide = pixels.shape[:2]
    middle = pixels[high // 3 : 2 * high // 3, wide // 3 : 2 * wide // 3]
    assert float((middle.max(axis=2) - middle.min(axis=2) > 20).mean()) > 0.3
