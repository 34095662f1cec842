"""How a model is served: the file `model.json` in its folder, all of whose fields may be left out."""

from dataclasses import dataclass, field, fields
from math import isfinite, prod

from xdn import api, settings
from xdn.data.dataset import Size
from xdn.errors import SettingError
from xdn.graph import Net, Transform
from xdn.runtime.configuration import DEFAULT, Configuration

#: The most images that runs of a service join.
MOST_IMAGES = 1 << 12
#: The largest share of the time; the least one is 1 / MOST_SHARE. A model waits, while others have requests, at most
#: MOST_SHARE squared times as long as its last run took: 10 seconds with runs of the default latency.
MOST_SHARE = 10.0


@dataclass(frozen=True)
class Images:
    """What is done to images before the net reads them, in place of what the net itself says of that.

    Parameters
    ----------
    size : (height, width), optional
        Resize images to it, bilinear, before anything else. Without it they are resized to what the net reads where
        nothing is cropped, and must be at least as large as the crop otherwise.
    mean_file, mean_value, scale, std, crop_size, channel_order
        As in `xdn.graph.Transform`.

    Raises
    ------
    SettingError
        For a size without pixels, or with more than images of requests may have.
    """

    size: Size | None = None
    mean_file: str | None = None
    mean_value: tuple[float, ...] | None = None
    scale: float | None = None
    std: tuple[float, ...] | None = None
    crop_size: int | None = None
    channel_order: str | None = None

    def __post_init__(self) -> None:
        if self.size is not None and not (min(self.size) > 0 and prod(self.size) <= settings.MAX_SERVED_PIXELS):
            height, width = self.size
            what = f"{height}x{width} pixels; 1 to {settings.MAX_SERVED_PIXELS} are made"
            raise SettingError(what, where="images.size")

    def transformed(self, net: Net) -> Net:
        """Return the net with the transform that is asked for."""
        names = [each.name for each in fields(Transform)]
        changes = {name: value for name in names if (value := getattr(self, name, None)) is not None}
        return api.with_transform(net, **changes) if changes else net


@dataclass(frozen=True)
class ModelConfig:
    """How a model is served.

    Parameters
    ----------
    images : Images
    max_batch : int
        The most images of a request, and of requests that run together.
    max_latency_ms : float, optional
        The longest that a run of joined requests may take, unless too many wait; the service's own where None.
    share : float
        Of the time when several models have requests: twice the share is twice the time. From 1 / `MOST_SHARE` to
        `MOST_SHARE`, so that none waits for ever.
    latest : int
        How many versions are served, the latest ones.
    versions : tuple of int
        The versions that are served, in place of the latest ones.
    optimize : bool
        Run the optimizer's stages when a version is loaded; those that `xdn-optimize` wrote need none.
    random_weights : bool
        Seeded random weights in place of the files', to measure time.
    configuration : Configuration
        How the net is run, `precision` among it, such as the tuner finds it.

    Raises
    ------
    SettingError
        For a value that means nothing.
    """

    images: Images = field(default_factory=Images)
    max_batch: int = 64
    max_latency_ms: float | None = None
    share: float = 1.0
    latest: int = 1
    versions: tuple[int, ...] = ()
    optimize: bool = True
    random_weights: bool = False
    configuration: Configuration = DEFAULT

    def __post_init__(self) -> None:
        for name in ("max_batch", "latest"):
            if not 1 <= getattr(self, name) <= MOST_IMAGES:
                raise SettingError(f"{getattr(self, name)} is not between 1 and {MOST_IMAGES}", where=name)
        if self.max_latency_ms is not None and not (isfinite(self.max_latency_ms) and self.max_latency_ms > 0):
            raise SettingError(f"{self.max_latency_ms!r} is not a positive number", where="max_latency_ms")
        if not 1 / MOST_SHARE <= self.share <= MOST_SHARE:
            raise SettingError(f"{self.share!r} is not between {1 / MOST_SHARE:g} and {MOST_SHARE:g}", where="share")


#: Of a model without a `model.json`.
AS_IT_IS = ModelConfig()
