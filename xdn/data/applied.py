"""What is done to images on their way from a file into a net, as results state it."""

from dataclasses import dataclass
from typing import Any

from xdn.data.dataset import Dataset
from xdn.graph import Transform


@dataclass(frozen=True)
class Applied:
    """The whole way of an image: resized before it was stored or while it is decoded, cut, its values changed.

    Parameters
    ----------
    resize : str
        To what it was resized, in words; empty for not at all.
    image : (H, W, C)
        Of the images before the crop.
    crop : int
        Side of the central crop in pixels, 0 for none.
    mean_file : str
    mean_value, std : tuple of float
    scale : float
        (x - mean) * scale / std, as in `Transform`.
    channel_order : str
        ``"rgb"``, ``"bgr"`` or ``"grey"``: how the net gets the channels.
    """

    resize: str
    image: tuple[int, int, int]
    crop: int
    mean_file: str
    mean_value: tuple[float, ...]
    scale: float
    std: tuple[float, ...]
    channel_order: str

    @classmethod
    def of(cls, transform: Transform, data: Dataset) -> "Applied":
        """Return what is done to the images of `data`, `transform` included."""
        same: dict[str, Any] = {name: getattr(transform, name) for name in ("mean_file", "mean_value", "scale", "std")}
        resize, order = data.preprocessing.get("resize", ""), data.channel_order
        return cls(resize=resize, image=data.shape, crop=transform.crop_size, channel_order=order, **same)
