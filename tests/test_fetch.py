"""The data plane against real sockets: who gets credentials, which addresses are refused, and what a broken body is."""

from __future__ import annotations

import gzip
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from threading import Event, Thread

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from stacsync.errors import StacsyncError, Stopped, TransferFailed
from stacsync.http.addresses import AddressRefused, is_public
from stacsync.http.download import decoded
from stacsync.http.fetch import Download, Fetcher, FetchInterrupted, FetchRefused
from stacsync.http.poured import in_pieces
from stacsync.provider import Signed
from tests.kit.faults import EXPIRED, Fault, FaultServer, File, faulty

BODY = bytes(range(256)) * 1024
TOKEN = {"Authorization": "Bearer made-up", "X-Api-Key": "made-up-key"}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with faulty({"/a.bin": BODY}) as running:
        yield running


@pytest.fixture
def fetcher(server: FaultServer) -> Iterator[Fetcher]:
    fetcher = Fetcher(frozenset({server.place}))
    yield fetcher
    fetcher.close()


def read(download: Download) -> bytes:
    return b"".join(in_pieces(download.read_into))


def test_bytes_size_and_validator_arrive(server: FaultServer, fetcher: Fetcher) -> None:
    """A file comes whole, with its size and a strong validator, over one connection that is kept."""
    for _ in range(3):
        download = fetcher.open(Signed(url=server.url("/a.bin")))
        assert (download.status, download.size, download.validator) == (200, len(BODY), server.files["/a.bin"].tag)
        assert read(download) == BODY
    assert server.seen[0].headers["accept-encoding"] == "identity"
    assert server.seen[0].headers["host"] == server.place
    assert sum(pool.num_connections for pool in fetcher._pools.values()) == 1


def test_a_range_is_read_only_from_the_version_asked_for(server: FaultServer, fetcher: Fetcher) -> None:
    """With the right validator bytes begin at the start asked for, with another one at zero."""
    tag = server.files["/a.bin"].tag
    same = fetcher.open(Signed(url=server.url("/a.bin")), start=1000, validator=tag)
    assert (same.status, same.start, same.size, read(same)) == (206, 1000, len(BODY), BODY[1000:])
    other = fetcher.open(Signed(url=server.url("/a.bin")), start=1000, validator='"older"')
    assert (other.status, other.start, read(other)) == (200, 0, BODY)


def test_an_unchanged_file_is_not_sent(server: FaultServer, fetcher: Fetcher) -> None:
    """If-None-Match with the current ETag is answered by 304 and no byte."""
    download = fetcher.open(Signed(url=server.url("/a.bin")), if_none_match=server.files["/a.bin"].tag)
    assert (download.status, read(download), server.sent) == (304, b"", 0)


def test_credentials_stay_at_home(server: FaultServer) -> None:
    """A redirect to another host gets no credential header, whatever it is called, and none on the way back."""
    with faulty({"/far.bin": BODY}) as other:
        server.fail("/a.bin", Fault(status=302, headers={"Location": other.url("/hop")}))
        other.fail("/hop", Fault(status=307, headers={"Location": server.url("/a.bin")}))
        fetcher = Fetcher(frozenset({server.place, other.place}))
        assert read(fetcher.open(Signed(url=server.url("/a.bin"), headers=TOKEN))) == BODY
        first, last = server.seen
        assert first.headers["authorization"] == "Bearer made-up"
        assert first.headers["x-api-key"] == "made-up-key"
        for seen in (*other.seen, last):
            assert "authorization" not in seen.headers
            assert "x-api-key" not in seen.headers
        fetcher.close()


def test_credentials_follow_within_one_origin(server: FaultServer, fetcher: Fetcher) -> None:
    """A redirect inside the same origin keeps the credentials."""
    server.fail("/old", Fault(status=301, headers={"Location": "/a.bin"}))
    assert read(fetcher.open(Signed(url=server.url("/old"), headers=TOKEN))) == BODY
    assert [seen.headers["x-api-key"] for seen in server.seen] == ["made-up-key"] * 2


@pytest.mark.parametrize("query", ["X-Amz-Signature=ab", "x=1&X-Goog-Signature=ab", "Signature=ab", "se=1&sig=ab"])
def test_a_signed_address_gets_no_second_credential(server: FaultServer, fetcher: Fetcher, query: str) -> None:
    """A URL that carries its own signature is asked for without any credential header."""
    assert read(fetcher.open(Signed(url=server.url(f"/a.bin?{query}"), headers=TOKEN))) == BODY
    assert "authorization" not in server.seen[0].headers
    assert server.seen[0].query == query


def test_redirects_end(server: FaultServer, fetcher: Fetcher) -> None:
    """Five redirects are followed, a sixth is an error, and one to nowhere too."""
    hops = [Fault(status=302, headers={"Location": "/a.bin"})] * 6
    server.fail("/a.bin", *hops[:5])
    assert read(fetcher.open(Signed(url=server.url("/a.bin")))) == BODY
    server.fail("/a.bin", *hops)
    with pytest.raises(TransferFailed, match="redirects more than 5 times"):
        fetcher.open(Signed(url=server.url("/a.bin")))
    server.fail("/a.bin", Fault(status=302))
    with pytest.raises(TransferFailed, match="redirects to nowhere"):
        fetcher.open(Signed(url=server.url("/a.bin")))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://0x7f000001:{port}/",
        "https://2130706433:{port}/",
        "https://127.1:{port}/",
        "https://localhost:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[64:ff9b::7f00:1]:{port}/",
        "https://[2002:7f00:1::]:{port}/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "http://127.0.0.1:{port}/a.bin",
        "http://93.184.215.14/",
        "https://user:word@93.184.215.14/",
        "file:///etc/passwd",
        "ftp://93.184.215.14/",
        "https:///nowhere",
    ],
)
def test_addresses_inside_are_refused(server: FaultServer, url: str) -> None:
    """Loopback, private, link-local, shared and multicast addresses in any spelling, and other schemes, are refused unasked."""
    with pytest.raises(AddressRefused):
        Fetcher().open(Signed(url=url.format(port=server.port)))
    assert server.seen == []


def test_a_redirect_inside_is_refused(server: FaultServer, fetcher: Fetcher) -> None:
    """A trusted host cannot lead us to another port of our own machine."""
    with faulty({"/secret": b"inside"}) as inner:
        server.fail("/a.bin", Fault(status=302, headers={"Location": inner.url("/secret")}))
        with pytest.raises(AddressRefused, match="trusted_hosts"):
            fetcher.open(Signed(url=server.url("/a.bin")))
        assert inner.seen == []


def test_one_private_address_among_public_ones_is_enough() -> None:
    """A name that resolves to a public and to a private address is refused: it could be either the next time."""
    fetcher = Fetcher(resolver=lambda _host, _port: ["93.184.215.14", "127.0.0.1"])
    with pytest.raises(AddressRefused):
        fetcher.open(Signed(url="https://rebinding.example/"))


def test_the_connection_goes_to_the_checked_address() -> None:
    """The name is resolved once; the connection is pinned to the answer, with the original name in SNI, Host and certificate."""
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("data.example").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with FaultServer(context=serving) as server:
        server.files["/x"] = File(BODY)
        place = f"data.example:{server.port}"
        fetcher = Fetcher(frozenset({place}), resolver=resolver, context=trusting)
        assert read(fetcher.open(Signed(url=server.url("/x", host=place)))) == BODY
        assert server.seen[0].headers["host"] == place
        fetcher.close()
        other = Fetcher(
            frozenset({f"other.example:{server.port}"}), resolver=lambda *_: ["127.0.0.1"], context=trusting
        )
        with pytest.raises(TransferFailed, match="certificate"):
            other.open(Signed(url=server.url("/x", host=f"other.example:{server.port}")))
        other.close()
    assert asked == ["data.example"]


def test_the_next_address_is_tried(server: FaultServer) -> None:
    """When the first address of a host does not answer, the second one is asked."""
    place = f"two.example:{server.port}"
    fetcher = Fetcher(frozenset({place}), resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert read(fetcher.open(Signed(url=server.url("/a.bin", host=place)))) == BODY
    fetcher.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_asks_for_a_fresh_address(server: FaultServer, fetcher: Fetcher, status: int) -> None:
    """Statuses that a fresh address may cure are told apart, with the store's own word for it and without the query."""
    server.fail("/a.bin", Fault(status=status, body=EXPIRED))
    with pytest.raises(FetchRefused, match=f"{status} AccessDenied") as caught:
        fetcher.open(Signed(url=server.url("/a.bin?X-Amz-Signature=abcdef")))
    assert caught.value.status == status
    assert "abcdef" not in str(caught.value)


def test_throttling_tells_how_long(server: FaultServer, fetcher: Fetcher) -> None:
    """429 and 503 may pass by themselves, after the pause that they ask for; 500 too; 405 never does."""
    server.fail("/a.bin", Fault(status=429, headers={"Retry-After": "7"}), Fault(status=500), Fault(status=405))
    with pytest.raises(FetchInterrupted) as caught:
        fetcher.open(Signed(url=server.url("/a.bin")))
    assert caught.value.retry_after == 7.0
    with pytest.raises(FetchInterrupted):
        fetcher.open(Signed(url=server.url("/a.bin")))
    with pytest.raises(TransferFailed) as final:
        fetcher.open(Signed(url=server.url("/a.bin")))
    assert not isinstance(final.value, FetchInterrupted | FetchRefused)


@pytest.mark.parametrize("fault", [Fault(reset_after=1000), Fault(close_after=1000), Fault(close_after=0)])
def test_a_body_that_ends_early_is_noticed(server: FaultServer, fetcher: Fetcher, fault: Fault) -> None:
    """A reset and a polite end before Content-Length are both an interruption, never a short file."""
    server.fail("/a.bin", fault)
    with pytest.raises(FetchInterrupted):
        read(fetcher.open(Signed(url=server.url("/a.bin"))))


def test_a_stalled_body_is_dropped(server: FaultServer) -> None:
    """A host that sends single bytes for ever is treated like one that hung up."""
    server.fail("/a.bin", Fault(drip=0.05))
    fetcher = Fetcher(frozenset({server.place}), read_timeout=0.4)
    with pytest.raises(FetchInterrupted, match="stalled"):
        read(fetcher.open(Signed(url=server.url("/a.bin"))))
    fetcher.close()


def test_a_silent_host_is_given_up(server: FaultServer) -> None:
    """A host that accepts the connection and says nothing is given up after the read timeout."""
    server.fail("/a.bin", Fault(silent=1.0))
    fetcher = Fetcher(frozenset({server.place}), read_timeout=0.2)
    with pytest.raises(FetchInterrupted, match="ReadTimeout"):
        fetcher.open(Signed(url=server.url("/a.bin")))
    fetcher.close()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_unasked_compression_is_undone(server: FaultServer, fetcher: Fetcher, coding: str) -> None:
    """A host that compresses anyway is decoded, and neither its length nor its ETag is taken for the file's."""
    packed = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    server.files["/a.bin"] = File(packed, headers={"Content-Encoding": coding})
    download = fetcher.open(Signed(url=server.url("/a.bin")))
    assert (download.size, download.validator, read(download)) == (None, None, BODY)
    server.files["/a.bin"] = File(packed[:-9], headers={"Content-Encoding": coding})
    with pytest.raises(FetchInterrupted):
        read(fetcher.open(Signed(url=server.url("/a.bin"))))


def test_a_compressed_body_of_several_members_arrives_whole(server: FaultServer, fetcher: Fetcher) -> None:
    """Gzip may be several members in a row: none is lost, wherever pieces of the body end."""
    parts = [BODY[:1000], b"", BODY[1000:1001], BODY[1001:]]
    server.files["/a.bin"] = File(b"".join(map(gzip.compress, parts)), headers={"Content-Encoding": "gzip"})
    assert read(fetcher.open(Signed(url=server.url("/a.bin")))) == BODY
    for tail in (b"\0" * 2000, b"\n", b"and more"):
        server.files["/a.bin"] = File(gzip.compress(BODY) + tail, headers={"Content-Encoding": "gzip"})
        assert read(fetcher.open(Signed(url=server.url("/a.bin")))) == BODY
    server.files["/a.bin"] = File(
        gzip.compress(BODY) * 2 + gzip.compress(BODY)[:-5], headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(TransferFailed):
        read(fetcher.open(Signed(url=server.url("/a.bin"))))


@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 30), st.sampled_from([b"", b"\0\0", b"x"])
)
def test_members_are_unpacked_wherever_pieces_end(members: list[bytes], width: int, tail: bytes) -> None:
    """However a body of several members is cut into pieces, its bytes are those of all members, and nothing else."""
    packed = b"".join(map(gzip.compress, members)) + tail
    pieces = (packed[start : start + width] for start in range(0, len(packed), width))
    assert b"".join(decoded(pieces, "gzip")) == b"".join(members)


def test_a_foreign_transfer_coding_is_refused(server: FaultServer, fetcher: Fetcher) -> None:
    """What is sent in a transfer coding that nobody asked for is no file: refused, and not kept as it came."""
    packed = gzip.compress(BODY)
    server.files["/a.bin"] = File(packed, headers={"Transfer-Encoding": "gzip, chunked"}, size_told=False)
    with pytest.raises(TransferFailed, match="'gzip, chunked'"):
        fetcher.open(Signed(url=server.url("/a.bin")))


def test_a_foreign_coding_is_refused(server: FaultServer, fetcher: Fetcher) -> None:
    """A coding that we cannot undo would make every size and checksum wrong: refused."""
    server.files["/a.bin"] = File(BODY, headers={"Content-Encoding": "br"})
    with pytest.raises(TransferFailed, match="'br'"):
        fetcher.open(Signed(url=server.url("/a.bin")))


@pytest.mark.parametrize("fault", [Fault(silent=20.0), Fault(drip=1.0)])
def test_a_stop_ends_blocked_reads_at_once(server: FaultServer, fetcher: Fetcher, fault: Fault) -> None:
    """Whoever waits for a head or for bytes gets `Stopped` as soon as the process is asked to stop."""
    server.fail("/a.bin", fault)
    ended, errors = Event(), list[StacsyncError]()

    def work() -> None:
        try:
            read(fetcher.open(Signed(url=server.url("/a.bin"))))
        except StacsyncError as error:
            errors.append(error)
        ended.set()

    Thread(target=work, daemon=True).start()
    while not server.seen:
        time.sleep(0.01)
    time.sleep(0.1)
    fetcher.interrupt()
    assert ended.wait(2.0)
    assert [type(error) for error in errors] == [Stopped]
    with pytest.raises(Stopped):
        fetcher.open(Signed(url=server.url("/a.bin")))


def test_many_threads_share_connections(server: FaultServer, fetcher: Fetcher) -> None:
    """Many small files over a few threads need no more connections than threads."""
    server.files["/small"] = File(b"x" * 100)

    def work() -> None:
        for _ in range(20):
            assert read(fetcher.open(Signed(url=server.url("/small")))) == b"x" * 100

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(pool.num_connections for pool in fetcher._pools.values()) <= 4


def test_what_is_public() -> None:
    """Public addresses are public in both families, also behind NAT64."""
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    assert is_public("64:ff9b::5db8:d70e")
    assert not is_public("fe80::1%eth0")
    assert not is_public("fc00::1")
