"""The buffers of parts: never with two owners at once, and none kept by a process at rest."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

from stacsync.mirror.blocks import Block, Blocks


def test_what_is_given_back_twice_is_lent_once() -> None:
    """The former owner's second return does not take the buffer away from its next owner."""
    blocks = Blocks(1024)
    anchor, first = blocks.take(), blocks.take()
    data = first.data
    first.give_back()
    second = blocks.take()
    assert second.data is data
    first.give_back()
    third = blocks.take()
    assert third.data is not second.data
    anchor.give_back()


def test_no_two_owners_share_a_buffer() -> None:
    """Many threads that take, fill and give back find their own bytes, always."""
    blocks = Blocks(4096)

    def work(number: int) -> bool:
        block = blocks.take()
        mark = bytes([number % 251]) * 4096
        block.data[:] = mark
        kept = bytes(block.data) == mark
        block.give_back()
        return kept

    with ThreadPoolExecutor(8) as workers:
        assert all(workers.map(work, range(2_000)))


def test_a_process_at_rest_holds_none() -> None:
    """Once the last buffer is given back all of them are let go; one of an odd size is never kept."""

    class Seen(bytearray):
        """Can be watched."""

    blocks = Blocks(1024)
    data = Seen(1024)
    watched = weakref.ref(data)
    block = Block(blocks, data)
    odd = blocks.take(7)
    other = blocks.take()
    blocks._lent += 1  # the watched one is lent as well
    del data
    block.give_back()
    assert watched() is not None
    odd.give_back()
    other.give_back()
    gc.collect()
    assert watched() is None
