"""`xdn.Session`: from a prototxt, or a net, to something that runs."""

from pathlib import Path

from xdn import api, settings
from xdn.frontend import find_weights
from xdn.graph import Net
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.runtime import session as runtime
from xdn.runtime.configuration import DEFAULT, Configuration


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
    threads, chunk_blocks, profile, winograd, weights_as, schedule, configuration, backend : optional
        As `xdn.runtime.session.Session` takes them.
    """

    def __init__(
        self,
        net: Net | str | Path,
        weights: str | Path | None = None,
        *,
        post_fusion: bool = True,
        threads: int | None = None,
        chunk_blocks: int | None = None,
        profile: bool = False,
        winograd: bool | None = None,
        weights_as: str | None = None,
        schedule: str | None = None,
        configuration: Configuration = DEFAULT,
        backend: str = settings.BACKEND,
    ):
        if not isinstance(net, Net):
            net = api.load(net, weights or find_weights(Path(net)))
        if post_fusion:
            net = apply_stages(net, stage_names(POST_FUSION))
        super().__init__(
            net,
            threads=threads,
            chunk_blocks=chunk_blocks,
            profile=profile,
            winograd=winograd,
            weights_as=weights_as,
            schedule=schedule,
            configuration=configuration,
            backend=backend,
        )
