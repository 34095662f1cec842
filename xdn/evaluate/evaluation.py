"""Everything that came of a net and a data set: accuracy, times, and what ran."""

from dataclasses import asdict, dataclass
from typing import Any

from xdn import __version__
from xdn.data.applied import Applied
from xdn.element import REAL
from xdn.evaluate.answers import Output
from xdn.evaluate.contest import ContestResult
from xdn.evaluate.origin import machine
from xdn.kernels.core.choice import F32
from xdn.runtime.profile import Profile

#: Raised whenever a field changes its meaning or name. 2: top-5, classes, engine, batch, layers, peak. 3: images,
#: outputs; the accuracy may be missing.
SCHEMA = 3


@dataclass(frozen=True)
class Evaluation:
    """What `xdn-run` found out about a net on a data set, or the contest about another engine.

    Parameters
    ----------
    net, data : str
        Names as people read them.
    preprocessing : str
        Whether images came packed or were decoded on line.
    contest : ContestResult
    macs : int
        Multiply-accumulates executed for one image; 0 where an engine does not tell.
    load_s, compile_s : float
        Seconds to read (and optimize) the net, and to plan and compile or load its kernels.
    kernels_compiled : int
        Kernels that were not in the cache.
    threads, chunk_images : int
        How the executor ran.
    arena_bytes, liveness_bytes : int
        Activations of a chunk: the memory that a thread has for them, and the most that are alive at once.
    plan, isa : str
        The plan's digest, of a net in parts one of all their digests; and the instruction set.
    profile : Profile, optional
        Each layer of one further run, where that was asked for.
    engine : str
        Name and version of what ran the net. Fields about kernels, chunks, activations and the plan are XDN's own:
        0 or empty for another engine.
    batch : int, optional
        Images of one call; None for all in one.
    layers, fused_layers : int
        Layers that the executor ran, and how many of them compute a sum or activation that was a layer of its own.
    winograd : bool
        Whether convolutions may take fewer multiplications.
    weights_as : str
        Number format in which weights were stored.
    precision : str
        Which algorithms might be taken.
    transform : Applied, optional
        What was done to the images; None where an engine does not tell.
    peak_gflops : float, optional
        What as many threads reach in multiply-adds on registers alone, where it was measured.
    counted : str
        What is to be said of the output that tells classes, or why none does.
    outputs : tuple of Output
        Of a net that tells no classes: all of its outputs, in the first call.
    """

    net: str
    data: str
    preprocessing: str
    contest: ContestResult
    macs: int
    load_s: float
    compile_s: float
    kernels_compiled: int
    threads: int
    chunk_images: int
    arena_bytes: int
    liveness_bytes: int
    plan: str
    isa: str
    profile: Profile | None = None
    engine: str = f"XDN {__version__}"
    batch: int | None = None
    layers: int = 0
    fused_layers: int = 0
    winograd: bool = True
    weights_as: str = REAL.name
    precision: str = F32
    peak_gflops: float | None = None
    transform: Applied | None = None
    counted: str = ""
    outputs: tuple[Output, ...] = ()

    @property
    def limit_s(self) -> float | None:
        """Seconds that the executed multiply-accumulates take at the measured peak, None where one is not known."""
        if not self.macs or self.peak_gflops is None:
            return None
        return 2e-9 * self.macs * self.contest.images / self.peak_gflops

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values, the machine and the version included."""
        return {
            "schema": SCHEMA,
            "xdn": __version__,
            "machine": machine(),
            "accuracy_percent": self.contest.percent,
            "top5_percent": self.contest.top5_percent,
            "images_per_s": self.contest.images_per_s,
            **asdict(self),
        }
