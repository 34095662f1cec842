"""What happens to an image's pixel values before the first layer."""

from dataclasses import dataclass, field
from math import isfinite


@dataclass(frozen=True)
class Transform:
    """Caffe's `TransformationParameter`, as far as inference needs it, and two things it cannot say.

    An image x (C, H, W; values 0..255) becomes ``(x - mean) * scale / std``. A crop is central. Source of
    the order "subtract, then scale": Caffe's data_transformer.cpp.

    Parameters
    ----------
    scale : float
        Factor after the mean is subtracted.
    mean_value : tuple of float
        None, one for all channels, or one per channel, in the data's channel order.
    mean_file : str
        A binaryproto mean image (C, H, W), as the prototxt spells it; empty for none. Excludes `mean_value`.
    crop_size : int
        Side of the central crop in pixels, 0 for none.
    std : tuple of float
        Divisor per channel; empty for none. Caffe has no such field; it is written as `xdn_param`.
    channel_order : str
        ``"rgb"`` or ``"bgr"`` where the net states what it expects, else empty; written as `xdn_param`.
    mirror : bool
        Training mirrors every other image; a test never does, so a net's digest knows nothing of it.
    """

    scale: float = 1.0
    mean_value: tuple[float, ...] = ()
    mean_file: str = ""
    crop_size: int = 0
    std: tuple[float, ...] = ()
    channel_order: str = ""
    mirror: bool = field(default=False, repr=False)

    @property
    def impossible(self) -> str:
        """What no image can be scaled by: a scale that is not finite, a std that is not finite and positive; or ""."""
        if isfinite(self.scale) and all(std > 0 and isfinite(std) for std in self.std):
            return ""
        return f"scale {self.scale} and std {self.std}; std must be positive, both finite"
