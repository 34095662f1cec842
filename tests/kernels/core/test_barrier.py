"""The barrier: nobody passes before all have come, however many threads there are for the processors."""

import threading

import numpy as np
import pytest

from xdn.codegen.cache import KernelCache
from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import i64_at
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.native import kernel_at
from xdn.codegen.target import host_target
from xdn.kernels.core import barrier as team
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.layout import MEMBER, MEMBERS, TEAM
from xdn.runtime.cpu.threads.helpers import yield_address

ROUNDS = 400
#: Words of a member in the table, on a cache line of their own.
LINE = 8


def _rounds():
    def rounds(desc, frame):
        words, own, members = i64_at(frame[TEAM]), frame[MEMBER], frame[MEMBERS]
        for number in range(1, desc[0] + 1):
            desc[LINE * (own + 1)] = number
            meet(words, members)
            for other in range(members):
                # A member that is ahead cannot have begun the next round but one.
                if desc[LINE * (other + 1)] < number or desc[LINE * (other + 1)] > number:
                    desc[LINE * (own + 1) + 1] += 1
            meet(words, members)

    return rounds


@pytest.fixture(scope="module")
def rounds(tmp_path_factory):
    """Return a kernel whose members write the number of the round, meet, and count those that wrote another."""
    loader = KernelLoader(KernelCache(tmp_path_factory.mktemp("kernels")))
    kernel = kernel_at(loader.address(KernelSource(KernelName("rounds", host_target().name), _rounds)))
    return loader, kernel


@pytest.mark.parametrize("members", [1, 2, 3, 16])
def test_all_are_in_the_same_round(rounds, members):
    _, kernel = rounds
    words, table = np.zeros(team.TEAM_WORDS, np.int64), np.zeros(LINE * (members + 1), np.int64)
    words[team.YIELD], words[team.LOOKS], table[0] = yield_address(), 1000, ROUNDS
    threads = []
    for member in range(members):
        frame = np.zeros(TEAM + 1, np.int64)
        frame[[MEMBER, MEMBERS, TEAM]] = member, members, words.ctypes.data
        threads.append(threading.Thread(target=kernel, args=(table, frame)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert table[LINE::LINE].tolist() == [ROUNDS] * members
    assert table[LINE + 1 :: LINE].tolist() == [0] * members
    assert words[team.PHASE] == (2 * ROUNDS if members > 0 else 0)
