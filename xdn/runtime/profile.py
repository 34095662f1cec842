"""Where a run's time went: each layer's time, arithmetic and bytes, as `xdn/runtime/taken.py` finds them."""

from dataclasses import dataclass

from xdn.graph import Shape

#: What stands in place of a layer's name for the conversions at the edges, and for the sum of all.
INPUT, OUTPUT, TOTAL = "(input)", "(output)", "(total)"


@dataclass(frozen=True)
class LayerProfile:
    """What one layer took in a run.

    Parameters
    ----------
    name, type : str
        The layer's; ``"(input)"`` or ``"(output)"`` and no type for a conversion between the caller's arrays and blobs.
    shapes : tuple of Shape
        The tops' shapes, of one image.
    kernels : tuple of str
        Names, in the order in which they run; none where the tops share the bottom's memory.
    ms : float
        Milliseconds of wall-clock time: the mean of the workers' sums over their chunks.
    predicted_ms : float
        What the machine's arithmetic, caches and memory let expect (`xdn/runtime/cpu/prediction.py`); 0 of a layer that
        is computed on whole batches.
    share : float
        Part of all layers' time, 0 to 1.
    macs : int
        Multiply-accumulates executed for one image. Padding is not multiplied; free lanes of the last block are,
        but do not count.
    gflops : float
        10**9 operations a second of all workers together, a multiply-accumulate counting as two.
    peak_percent : float
        `gflops` against the peak of as many threads; of a layer that multiplies 8-bit integers or bf16 against
        theirs, which the machine's figures have as so many times that of f32.
    bytes : int
        Bytes moved if no layer found in a cache what another left there, and each value was moved once::

            (bytes of the bottoms + bytes of the tops, of one block) * blocks + bytes of weights and tables * chunks

        A residual is a bottom; a worker reads the weights anew for each chunk. A conversion moves one blob and the
        caller's array.
    gbytes : float
        `bytes` in 10**9 a second.
    worker_ms : tuple of float
        Milliseconds of each worker, the sum over its chunks; none of a layer that is computed on whole batches.
    """

    name: str
    type: str
    shapes: tuple[Shape, ...]
    kernels: tuple[str, ...]
    ms: float
    predicted_ms: float
    share: float
    macs: int
    gflops: float
    peak_percent: float
    bytes: int
    gbytes: float
    worker_ms: tuple[float, ...] = ()


@dataclass(frozen=True)
class Profile:
    """What each layer took in one run.

    Parameters
    ----------
    images, workers : int
        Images of the run, and threads that took part.
    run_ms : float
        Wall-clock time of the whole run. What it exceeds the layers' sum by is waiting: for threads to start, and for
        the last worker to end.
    peak_gflops : float
        What as many threads reach in multiply-adds on registers alone.
    layers : tuple of LayerProfile
        In the order in which they run; first the inputs' conversion, last the outputs'.
    total : LayerProfile
        The sum of all.
    """

    images: int
    workers: int
    run_ms: float
    peak_gflops: float
    layers: tuple[LayerProfile, ...]
    total: LayerProfile
