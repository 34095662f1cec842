"""Handing a job over, step by step in one thread: who writes what, and when a helper may sleep."""

import numpy as np
import pytest

from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.native import address, kernel_at
from xdn.codegen.target import host_target
from xdn.kernels.core.descriptor import Descriptor, Size
from xdn.kernels.core.frame import Frame, kernel_source
from xdn.kernels.core.handover import Caller, Mailbox, attend, lead, post


class Work(Descriptor):
    """What stands for the driver's control words: how often it was called, and by whom."""

    calls, member = Size(), Size()


def _works():
    def works(work, frame):
        work.calls = work.calls + 1
        work.member = frame.member

    return works


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """Return the loader, which keeps the code, the three kernels by name, and the address of a driver."""
    loader = KernelLoader(KernelCache(tmp_path_factory.mktemp("kernels")))
    found = {make.__name__: kernel_at(loader.address(make(host_target()))) for make in (attend, post, lead)}
    return loader, found, loader.address(kernel_source(KernelName("works", host_target().name), _works, Work))


def caller_of(boxes, **values):
    """Return the words of a caller with helpers whose mailboxes are `boxes`."""
    words = Caller(helpers=len(boxes), **values).words[: Caller.mailboxes.slot]
    return np.append(words, np.array([address(box.words) for box in boxes], np.int64))


def test_a_helper_without_a_job_parks_and_leaves(kernels):
    box = Mailbox(ticket=4, done=4, looks=3)
    kernels[1]["attend"](box.words, Frame().words)
    assert (box.parked, box.done) == (1, 4)


def test_a_helper_does_the_job_with_a_new_ticket_and_says_so(kernels):
    _, found, drive = kernels
    work, frame = Work(), Frame(member=2)
    box = Mailbox(ticket=5, done=4, drive=drive, control=address(work.words), frame=address(frame.words))
    found["attend"](box.words, Frame().words)
    assert (work.calls, work.member) == (1, 2)
    assert (box.done, box.parked) == (5, 1)
    found["attend"](box.words, Frame().words)
    assert work.calls == 1


@pytest.mark.parametrize(("parked", "wake"), [((0, 0), 0), ((0, 1), 1), ((1, 0), 1)])
def test_posting_gives_every_helper_a_ticket_and_tells_whether_one_sleeps(kernels, parked, wake):
    boxes = [Mailbox(ticket=7, parked=each) for each in parked]
    caller = caller_of(boxes, wake=1)
    kernels[1]["post"](caller, Frame().words)
    assert [box.ticket for box in boxes] == [8, 8]
    assert caller[Caller.wake.slot] == wake


def test_the_caller_does_its_part_and_leaves_when_the_helpers_are_done(kernels):
    _, found, drive = kernels
    work, boxes = Work(), [Mailbox(ticket=3, done=3), Mailbox(ticket=9, done=9)]
    caller = caller_of(boxes, drive=drive, control=address(work.words))
    found["lead"](caller, Frame(member=0).words)
    assert (work.calls, work.member) == (1, 0)


def test_what_different_threads_write_lies_on_different_cache_lines():
    lines = [slot // 8 for slot in (Mailbox.ticket.slot, Mailbox.done.slot, Mailbox.looks.slot)]
    assert len(set(lines)) == 3
