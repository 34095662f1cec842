"""Threads that share the work of every step meet after it: a barrier in machine code.

A thread that waits looks at the phase for a while; then it gives its processor away between looks, so that the others
go on even where there are more threads than processors.
"""

from xdn.codegen.intrinsics import atomic_add, atomic_load, atomic_store, call_plain, pause, words_at
from xdn.codegen.jit import jitable
from xdn.kernels.core.descriptor import Cell, Descriptor, Size


class Barrier(Descriptor):
    """Where threads meet; what they change lies on cache lines of its own.

    arrived, phase, told
        Threads that have arrived; how often all have met; what the first thread tells the others.
    give_way
        Address of a C function that gives the processor to another thread.
    looks
        Of a waiting thread, before it gives its processor away.
    """

    arrived, phase, told = Cell(), Cell(new_line=True), Cell(new_line=True)
    give_way, looks = Size(new_line=True), Size()


barrier_at = words_at(Barrier)


@jitable
def meet(frame):
    """Return when all threads that share the frame's barrier have come here; at once where there is only one."""
    barrier, members = barrier_at(frame.barrier), frame.members
    if members == 1:
        return
    phase = atomic_load(barrier.phase, 0)
    if atomic_add(barrier.arrived, 0, 1) == members - 1:
        atomic_store(barrier.arrived, 0, 0)
        atomic_add(barrier.phase, 0, 1)
        return
    looks = 0
    while atomic_load(barrier.phase, 0) == phase:
        if looks < barrier.looks:
            looks += 1
            pause()
        else:
            call_plain(barrier.give_way)
