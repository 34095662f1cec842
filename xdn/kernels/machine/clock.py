"""A kernel that only reads the counter by which the timed driver measures, so that Python can learn its rate."""

from xdn.codegen.intrinsics import read_ticks
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import Descriptor, Size
from xdn.kernels.core.frame import kernel_source


class Clock(Descriptor):
    """What the kernel writes: the counter."""

    ticks = Size()


def clock(target: Target) -> KernelSource:
    """Return the kernel that writes the counter into its descriptor."""
    return kernel_source(KernelName("clock", target.name), _clock, Clock)


def _clock() -> KernelBody:
    def read_clock(d, frame):
        d.ticks = read_ticks()

    return read_clock
