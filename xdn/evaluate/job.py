"""One run of a net over a data set: what to run, and everything that came of it."""

import platform
from dataclasses import asdict, dataclass
from typing import Any

from xdn import __version__
from xdn.codegen.isa import cpu_name, host_isa
from xdn.evaluate.contest import ContestResult
from xdn.kernels.layout import B
from xdn.runtime.profile import Profile
from xdn.runtime.session import Session

SCHEMA = 1


@dataclass(frozen=True)
class RunResult:
    """What `xdn-run` gives.

    Parameters
    ----------
    net, data : str
        Names as people read them.
    preprocessing : str
        Whether images came packed or were decoded on line.
    contest : ContestResult
    macs : int
        Multiply-accumulates executed for one image.
    load_s, compile_s : float
        Seconds to read (and optimize) the net, and to plan and compile or load its kernels.
    kernels_compiled : int
        Kernels that were not in the cache.
    threads, chunk_images : int
        How the executor ran.
    arena_bytes, liveness_bytes : int
        Activations of a chunk: the memory that a thread has for them, and the most that are alive at once.
    plan, isa : str
        The plan's digest and the instruction set.
    profile : Profile, optional
        Each layer of one further run, where that was asked for.
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

    @staticmethod
    def of(
        session: Session, contest: ContestResult, load_s: float, names: dict[str, str], profile: Profile | None = None
    ) -> "RunResult":
        """Return the result of a run in `session`; `names` holds net, data and preprocessing."""
        plan = session.plan()
        return RunResult(
            **names,
            contest=contest,
            macs=plan.macs,
            load_s=load_s,
            compile_s=session.compile_s,
            kernels_compiled=session.kernels_compiled,
            threads=session.threads,
            chunk_images=plan.chunk_blocks * B,
            arena_bytes=plan.arena.size,
            liveness_bytes=plan.arena.bound,
            plan=plan.digest,
            isa=host_isa().name,
            profile=profile,
        )

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values, the machine and the version included."""
        accuracy = self.contest.accuracy
        return {
            "schema": SCHEMA,
            "xdn": __version__,
            "machine": {"cpu": cpu_name(), "system": platform.platform(), "python": platform.python_version()},
            "accuracy_percent": accuracy.percent,
            "images_per_s": self.contest.images_per_s,
            **asdict(self),
        }
