"""`xdn.Session`: from a prototxt, or a net, to something that runs."""

from pathlib import Path
from typing import Any

from xdn import api
from xdn.frontend import find_weights
from xdn.graph import Net
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.runtime import session as runtime


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
        As `xdn.runtime.session.Session` takes them: `threads`, `profile`, `configuration`, ...
    """

    def __init__(
        self, net: Net | str | Path, weights: str | Path | None = None, *, post_fusion: bool = True, **options: Any
    ):
        if not isinstance(net, Net):
            net = api.load(net, weights or find_weights(Path(net)))
        # In how many bits blobs are stored is no fusion: kernels for 8-bit integers find these in memory.
        net = apply_stages(net, stage_names(POST_FUSION) if post_fusion else ("quantized-storage",))
        super().__init__(net, **options)
