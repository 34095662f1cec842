"""Threads meet as often as they are told."""

import threading

import pytest

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.codegen.native import address
from xdn.codegen.target import host_target
from xdn.kernels.core.barrier import Barrier
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine.meeting import Meetings, meetings
from xdn.runtime.cpu.threads.helpers import yield_address


@pytest.mark.parametrize("members", [2, 3])
def test_all_meet(members):
    kernel = process_loader().address(meetings(host_target()))
    barrier, told = Barrier(give_way=yield_address(), looks=10), Meetings(count=50)
    frames = [Frame(member=member, members=members, barrier=address(barrier.words)).words for member in range(members)]
    threads = [threading.Thread(target=call, args=(kernel, told.words, frame)) for frame in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert barrier.phase == 50
