"""`xdn.Session`: from a prototxt, or a net, to something that runs."""

from pathlib import Path
from typing import Any

from xdn import api
from xdn.frontend import find_weights
from xdn.graph import Net
from xdn.kernels.core.choice import BF16
from xdn.optimize import POST_FUSION, READING, apply_stages, stage_names
from xdn.runtime import session as runtime
from xdn.runtime.configuration import DEFAULT


class Session(runtime.Session):
    """Run a net, fused with its sums and activations, by machine code made for it.

    Parameters
    ----------
    net : Net or path
        A net with weights, or the path of a prototxt.
    weights : path, optional
        For a path: the caffemodel; the only one beside the prototxt where None.
    post_fusion : bool
        Let layers compute the sums and activations after them, and skip what no layer reads; without it each layer of
        the net runs by itself, as it stands there.
    options
        As `xdn.runtime.session.Session` takes them: `threads`, `profile`, `configuration`, ...; with the `precision`
        ``"bf16"`` all layers read bf16 that can, and do not say how they read their bottoms.
    """

    def __init__(
        self, net: Net | str | Path, weights: str | Path | None = None, *, post_fusion: bool = True, **options: Any
    ):
        if not isinstance(net, Net):
            net = api.load(net, weights or find_weights(Path(net)))
        how_run = options.get("configuration", DEFAULT).with_given(precision=options.get("precision"))
        net = apply_stages(net, _stages(post_fusion, how_run.precision))
        super().__init__(net, **options)


def _stages(post_fusion: bool, precision: str) -> tuple[str, ...]:
    """Return the stages that a net passes before it runs."""
    reading = (READING,) if precision == BF16 else ()
    if post_fusion:
        return stage_names(POST_FUSION, *reading)
    # In how many bits blobs are stored is no fusion: kernels for 8-bit integers, and for bf16, find these in memory.
    return (*(name for group in reading for name in stage_names(group)), "quantized-storage")
