"""A kernel that only reads the counter by which the timed driver measures, so that Python can learn its rate."""

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import read_ticks
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target

#: Word of the frame that takes the counter.
TICKS_NOW = 0


def clock(target: Target) -> KernelSource:
    """Return the kernel that writes the counter to the frame's word `TICKS_NOW`."""
    return KernelSource(KernelName("clock", target.name), _clock)


def _clock():
    def read_clock(desc, frame):
        frame[TICKS_NOW] = read_ticks()

    return read_clock
