"""Frames: what the driver writes there is what a kernel reads, beside its own words."""

import numpy as np

from tests.codegen.kernels import call
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.native import address
from xdn.codegen.target import host_target
from xdn.element import S64
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.frame import Frame, frame_words, kernel_source


def test_the_caller_s_arrays_follow_the_words():
    words = frame_words([70, 80, 90], blocks=2, member=1, members=3)
    assert words.dtype == np.int64
    assert words[Frame.io.slot :].tolist() == [70, 80, 90]
    assert (words[Frame.blocks.slot], words[Frame.member.slot], words[Frame.members.slot]) == (2, 1, 3)
    assert words[Frame.arena.slot] == words[Frame.barrier.slot] == 0
    assert len(frame_words([])) == Frame.io.slot


class Told(Descriptor):
    """Where the kernel writes, and a number of its own."""

    found = Pointer(S64)
    own = Size()


def _tells():
    def tells(d, frame):
        found = d.found
        found[0], found[1], found[2], found[3] = frame.first_image, frame.images, frame.members, d.own

    return tells


def test_a_kernel_reads_both_by_name(tmp_path):
    source = kernel_source(KernelName("tells", host_target().name), _tells, Told)
    found = np.zeros(4, np.int64)
    told = Told(found=found, own=7)
    loader = KernelLoader(KernelCache(tmp_path))
    call(loader.address(source), told.words, frame_words([address(found)], first_image=5, images=6, members=2))
    assert found.tolist() == [5, 6, 2, 7]
