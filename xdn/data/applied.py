"""What is done to images on their way from a file into a net, as results state it."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    def of(
        cls, transform: Transform, image: tuple[int, int, int], channel_order: str, preprocessing: Mapping[str, str]
    ) -> "Applied":
        """Return what `transform` does to images (H, W, C) that were made as `preprocessing` says."""
        return cls(
            preprocessing.get("resize", ""),
            image,
            transform.crop_size,
            transform.mean_file,
            transform.mean_value,
            transform.scale,
            transform.std,
            channel_order,
        )
