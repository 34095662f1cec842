"""What it takes threads to meet: the barrier after each layer that they share, and nothing between."""

from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.descriptor import Descriptor, Size
from xdn.kernels.core.frame import kernel_source


class Meetings(Descriptor):
    """How often the threads of the frame meet."""

    count = Size()


def meetings(target: Target) -> KernelSource:
    """Return the kernel, which every one of the threads runs."""
    return kernel_source(KernelName("meet", target.name), _meetings, Meetings)


def _meetings() -> KernelBody:
    def meet_again(d, frame):
        for _ in range(d.count):
            meet(frame)

    return meet_again
