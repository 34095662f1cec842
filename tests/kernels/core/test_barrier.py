"""The barrier: nobody passes before all have come, however many threads there are for the processors."""

import threading

import numpy as np
import pytest

from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.native import address, kernel_at
from xdn.codegen.target import host_target
from xdn.element import S64
from xdn.kernels.core.barrier import Barrier, meet
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.frame import Frame, kernel_source
from xdn.runtime.cpu.threads.helpers import yield_address

ROUNDS = 400
#: Words of a member in the table, on a cache line of their own.
LINE = 8


class Table(Descriptor):
    """What the members write, each on a cache line of its own: the number of the round, how many wrote another."""

    rounds = Size()
    members = Pointer(S64)


def _rounds():
    def rounds(d, frame):
        table, own = d.members, frame.member
        for number in range(1, d.rounds + 1):
            table[LINE * own] = number
            meet(frame)
            for other in range(frame.members):
                # A member that is ahead cannot have begun the next round but one.
                if table[LINE * other] < number or table[LINE * other] > number:
                    table[LINE * own + 1] += 1
            meet(frame)

    return rounds


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """Return a kernel whose members write the number of the round, meet, and count those that wrote another."""
    loader = KernelLoader(KernelCache(tmp_path_factory.mktemp("kernels")))
    kernel = kernel_at(loader.address(kernel_source(KernelName("rounds", host_target().name), _rounds, Table)))
    return loader, kernel


@pytest.mark.parametrize("members", [1, 2, 3, 16])
def test_all_are_in_the_same_round(rounds, members):
    _, kernel = rounds
    barrier, table = Barrier(give_way=yield_address(), looks=1000), np.zeros(LINE * members, np.int64)
    told, threads = Table(rounds=ROUNDS, members=table), []
    for member in range(members):
        frame = Frame(member=member, members=members, barrier=address(barrier.words)).words
        threads.append(threading.Thread(target=kernel, args=(told.words, frame)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert table[::LINE].tolist() == [ROUNDS] * members
    assert table[1::LINE].tolist() == [0] * members
    assert barrier.phase == (2 * ROUNDS if members > 1 else 0)
