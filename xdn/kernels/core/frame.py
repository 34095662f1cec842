"""Where a kernel works now: words that differ between threads and chunks."""

from collections.abc import Sequence

import numpy as np

from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource, MakeBody
from xdn.kernels.core.descriptor import Descriptor, Size


class Frame(Descriptor):
    """What the driver tells every kernel beside its descriptor.

    arena
        Address of the thread's memory for blobs.
    blocks
        Blocks in this chunk.
    first_image, images
        Number of the chunk's first image, and how many there are; the last block may be partly filled.
    stopwatch
        Address of the thread's `Stopwatch`; only the driver that measures reads it.
    member, members
        Which of the threads that share each step's work this one is, and how many they are.
    barrier
        Address of the `Barrier` at which they meet; 0 for a thread alone.
    io
        Address of the caller's first input or output; one word for each follows.
    """

    arena, blocks, first_image, images, stopwatch, member, members, barrier, io = (Size() for _ in range(9))


def frame_words(arrays: Sequence[int], **values: int) -> np.ndarray:
    """Return the words of a frame, with the addresses of the caller's arrays."""
    return np.append(Frame(**values).words[: Frame.io.slot], np.array(arrays, np.int64))


def kernel_source(name: KernelName, make: MakeBody, words: type[Descriptor]) -> KernelSource:
    """Return a kernel whose body is given a descriptor of the class `words`, and a `Frame`."""
    return KernelSource(name, make, (words, Frame))
