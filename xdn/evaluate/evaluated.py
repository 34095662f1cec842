"""A session's part of what came of a net and a data set."""

import hashlib
from collections.abc import Sequence
from typing import Any

from xdn.codegen.target import host_target
from xdn.evaluate.evaluation import Evaluation
from xdn.runtime.cpu.plan import Plan
from xdn.runtime.session import Session


def evaluated(session: Session, plans: Sequence[Plan] = (), **told: Any) -> Evaluation:
    """Return what was found out with `session`.

    `plans` are what ran, by default those of the session's latest run; `told` the fields that no session knows:
    net, data, preprocessing, contest, load_s, and where they are known profile, batch, peak_gflops, transform.
    """
    plans = plans or session.plans()
    return Evaluation(
        macs=sum(plan.macs for plan in plans),
        compile_s=session.compile_s,
        kernels_compiled=session.kernels_compiled,
        threads=session.threads,
        chunk_images=max((plan.chunk_blocks * plan.block_images for plan in plans), default=0),
        arena_bytes=max((plan.arena.size for plan in plans), default=0),
        liveness_bytes=max((plan.arena.bound for plan in plans), default=0),
        plan=_digest(plans),
        isa=host_target().name,
        layers=len(session.net.layers) - len(session.net.input_layers),
        fused_layers=sum(layer.epilogue is not None for layer in session.net.layers),
        winograd=session.configuration.winograd,
        weights_as=session.configuration.weights_as,
        precision=session.configuration.precision,
        **told,
    )


def _digest(plans: Sequence[Plan]) -> str:
    """Return a name of what ran that is as short for many parts as for two."""
    if len(plans) < 2:
        return "".join(plan.digest for plan in plans)
    joined = "+".join(plan.digest for plan in plans)
    return f"{hashlib.sha256(joined.encode()).hexdigest()[:12]} of {len(plans)} parts"
