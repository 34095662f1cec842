"""Threads that share the work of every step meet after it: a barrier in machine code.

A thread that waits looks at the phase for a while; then it gives its processor away between looks, so that the others
go on even where there are more threads than processors.
"""

from xdn.codegen.intrinsics import atomic_add, atomic_load, atomic_store, call_plain, pause
from xdn.codegen.jit import jitable

# The words of a team, each on a cache line of its own.
#: Threads that have arrived; how often all have met; what the first member tells the others.
ARRIVED, PHASE, TOLD = 0, 8, 16
#: Address of a C function that gives the processor to another thread.
YIELD = 24
#: Looks of a waiting thread before it gives its processor away.
LOOKS = 25
TEAM_WORDS = 32


@jitable
def meet(team, members):
    """Return when all `members` threads have come here."""
    phase = atomic_load(team, PHASE)
    if atomic_add(team, ARRIVED, 1) == members - 1:
        atomic_store(team, ARRIVED, 0)
        atomic_add(team, PHASE, 1)
        return
    looks = 0
    while atomic_load(team, PHASE) == phase:
        if looks < team[LOOKS]:
            looks += 1
            pause()
        else:
            call_plain(team[YIELD])
