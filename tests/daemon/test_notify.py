"""What systemd is told, over a real socket."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from stacsync.daemon.notify import Notifier
from stacsync.daemon.signals import Signals
from tests.kit.service import running
from tests.kit.workspace import Workspace


class Supervisor:
    """The other end."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(60)

    def hear_or_nothing(self) -> str:
        try:
            return self.hear()
        except TimeoutError:
            return ""

    def hear(self) -> str:
        return self.socket.recv(4096).decode()


@pytest.fixture(params=["path", "abstract"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@stacsync-test-{tmp_path.name}-{id(request)}"


@pytest.fixture
def supervisor(place: str) -> Iterator[Supervisor]:
    found = Supervisor(place)
    yield found
    found.socket.close()


def test_states_arrive(place: str, supervisor: Supervisor) -> None:
    """Readiness, status and stopping arrive as datagrams, on a path or an abstract name; a status is one line."""
    notifier = Notifier({"NOTIFY_SOCKET": place})
    notifier.ready()
    notifier.status("standby:\nanother has it")
    notifier.stopping()
    assert [supervisor.hear() for _ in range(3)] == ["READY=1", "STATUS=standby: another has it", "STOPPING=1"]


def test_signs_of_life_only_while_healthy(place: str, supervisor: Supervisor) -> None:
    """The watchdog hears twice as often as it asks to, and nothing as long as something is wrong."""
    well = Event()
    well.set()
    notifier = Notifier({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "200000"})
    assert notifier.watchdog_seconds == pytest.approx(0.1)
    notifier.keep_alive(well.is_set)
    assert supervisor.hear() == "WATCHDOG=1"
    well.clear()
    supervisor.socket.settimeout(1)
    assert "" in [supervisor.hear_or_nothing() for _ in range(5)]
    well.set()
    supervisor.socket.settimeout(60)
    assert supervisor.hear() == "WATCHDOG=1"
    notifier.close()


def test_without_systemd_nothing_happens() -> None:
    """No supervisor, or one that went away, is no reason to fail."""
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "nonsense"}).ready()


def test_the_daemon_tells_systemd(workspace: Workspace, tmp_path: Path) -> None:
    """From READY over signs of life and a reload to STOPPING, as a unit of Type=notify needs it."""
    place = str(tmp_path / "socket")
    supervisor = Supervisor(place)
    heard: list[str] = []

    def until(*words: str) -> None:
        while not set(words) <= set(heard):
            heard.append(supervisor.hear())

    with running(workspace, NOTIFY_SOCKET=place, WATCHDOG_USEC="1000000") as service:
        until("READY=1", "STATUS=active", "WATCHDOG=1")
        heard.clear()
        service.process.send_signal(signal.SIGHUP)
        until("READY=1")
        assert any(word.startswith("RELOADING=1\nMONOTONIC_USEC=") for word in heard)
        service.process.send_signal(signal.SIGTERM)
        until("STOPPING=1")
        assert service.process.wait(60) == 0
    supervisor.socket.close()


def test_signals_become_events() -> None:
    """The first SIGTERM begins to stop and starts the deadline; a second one changes nothing."""
    calls: list[str] = []
    signals = Signals(lambda: calls.append("stop"), lambda: calls.append("give up"))
    signals.take(signal.SIGHUP)
    assert (signals.reload.is_set(), signals.stop.is_set()) == (True, False)
    signals.pause(60)  # returns at once: a signal came
    signals.take(signal.SIGTERM)
    signals.take(signal.SIGINT)
    assert (signals.stop.is_set(), calls) == (True, ["stop"])
