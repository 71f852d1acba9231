"""The status page in a real browser: on a desk and on a phone, by day and by night; pictures go to test-output/."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import insert
from stacsync.demo.openeo import OpenEOStandIn, StandInFile, StandInJob
from stacsync.demo.up42 import StandIn
from stacsync.ledger.schema import passes
from stacsync.ledger.times import to_text
from stacsync.mirror.events import JobStarted, Progress, Started
from stacsync.server import start
from stacsync.settings import Server
from tests.kit.byhand import on_duty
from tests.kit.workspace import Workspace
from tests.server.conftest import Served

OUTPUT = Path(__file__).parent.parent.parent / "test-output"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
PLACES = ((3.0, 50.0), (13.4, 52.5), (12.5, 41.9), (-3.7, 40.4), (24.9, 60.2), (26.1, 44.4), (-8.6, 41.1), (2.3, 48.9))
PATIENCE = 60_000
"""Milliseconds."""
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    assert executable, "tests/real/install.sh installs Chromium"
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=flags)
        yield found
        found.close()


@pytest.fixture
def busy(workspace: Workspace, openeo: OpenEOStandIn) -> Iterator[Served]:
    """A service in the midst of its work: a week of passes, a failing job, an excluded one, files on their way."""
    openeo.jobs = (*openeo.jobs, *(_somewhere(number, *place) for number, place in enumerate(PLACES)))
    openeo.fail(r"/jobs/j-cube/results", 403, times=1000)
    workspace.providers["cdse"] = {**workspace.providers["cdse"], "exclude": ["June mosaic"]}
    with StandIn() as up42:
        up42.fill()
        workspace.providers["up42"] = up42.today_settings()
        workspace.providers["up42-classic"] = {**up42.first_settings(), "enabled": False}
        with on_duty(workspace) as (service, tenure, scheduler):
            _week(tenure.parts.ledger.write)
            scheduler.step()
            tell = service.observe
            for number, (name, size, done) in enumerate(
                (
                    ("mosaic_2025-06_B04.tif", 812_000_000, 607_000_000),
                    ("ndvi_cube.nc", 2_400_000_000, 310_000_000),
                    ("scene.zip", None, 48_000_000),
                )
            ):
                key = f"cdse/c/i{number}/{name}"
                tell(JobStarted("cdse", f"j-{number}", "Summer composite of the Alps"))
                tell(Started("cdse", f"j-{number}", key, size))
                tell(Progress("cdse", f"j-{number}", key, done))
            handle = start(Server(port=0), service)
            yield Served(handle.address, service, tenure, scheduler)
            handle.stop()


def _somewhere(number: int, west: float, south: float) -> StandInJob:
    file = StandInFile(name="a.csv", data=b"a,b\n1,2\n", media_type="text/csv")
    bbox = (west, south, west + 0.8, south + 0.5)
    return StandInJob(id=f"j-place-{number}", title=f"Place {number}", files=(file,), shape="item", bbox=bbox)


def _week(write: object) -> None:
    random, now = Random(5), datetime.now(UTC)
    rows = []
    for number in range(24 * 7 * 2, 1, -1):
        moment = to_text(now - timedelta(minutes=30 * number))
        for name in ("cdse", "up42"):
            down = name == "cdse" and 60 < number < 84
            ok = not down and random.random() > 0.02
            rows.append(
                {"provider": name, "started_at": moment, "finished_at": moment, "ok": ok, "counts": "{}", "error": None}
            )
    with write() as connection:  # type: ignore[operator]  # the ledger's own transaction
        connection.execute(insert(passes), rows)


def opened(
    browser: Browser, address: str, size: str, scheme: str = "light", *, script: bool = True
) -> tuple[Page, list[str]]:
    """Return the page, and whatever the browser complains about."""
    width, height = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
        device_scale_factor=2 if size == "phone" else 1,
    )
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(address)
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_it_looks_good(browser: Browser, busy: Served, size: str, scheme: str) -> None:
    """Nothing sticks out, nothing is refused by the policy, the background follows the scheme; the picture is for the eye."""
    page, complaints = opened(browser, busy.address, size, scheme)
    page.wait_for_timeout(500)
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=str(OUTPUT / f"status-{size}-{scheme}.png"), full_page=True)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    red, green, blue = (
        int(part) for part in page.evaluate("getComputedStyle(document.body).backgroundColor")[4:-1].split(",")
    )
    assert (red + green + blue < 200) is (scheme == "dark")
    assert page.locator("#moving progress").count() == 3
    assert page.locator("svg .land").is_visible()
    page.close()


def test_it_stays_current_by_itself(browser: Browser, busy: Served) -> None:
    """Without a reload progress moves, a new failure appears, and a service that is gone is told."""
    page, complaints = opened(browser, busy.address, "desktop")
    busy.service.observe(Progress("cdse", "j-0", "cdse/c/i0/mosaic_2025-06_B04.tif", 100_000_000))
    expect(page.locator("#moving progress").first).to_have_js_property("value", 707_000_000, timeout=PATIENCE)
    assert page.locator(".hero h1").inner_text() == "1 job needs attention"
    until = to_text(datetime.now(UTC) + timedelta(hours=1))
    busy.tenure.parts.ledger.memory("up42").put("breaker", {"failures": 3, "until": until})
    expect(page.locator(".hero h1")).to_have_text("1 of 2 providers in trouble", timeout=PATIENCE)
    expect(page).to_have_title("1 of 2 providers in trouble · ACME EO products", timeout=PATIENCE)
    assert complaints == []
    page.route("**/api/status", lambda route: route.abort())
    expect(page.locator("#lost")).to_be_visible(timeout=PATIENCE)
    page.close()


def test_it_works_without_javascript(browser: Browser, busy: Served) -> None:
    """Everything there is to know is in the document itself."""
    page, _ = opened(browser, busy.address, "desktop", script=False)
    for text in (
        "1 job needs attention",
        "On their way",
        "ndvi_cube.nc",
        "Failed, tried again",
        "Passes of the last 7 days",
    ):
        assert page.get_by_text(text).first.is_visible(), text
    page.get_by_text("Waiting, skipped or retired").click()
    assert page.get_by_text("excluded: matches a pattern of").is_visible()
    page.close()
