"""How a net is to be quantized."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from xdn import settings
from xdn.errors import SettingError
from xdn.graph.quantized import BITS


@dataclass(frozen=True)
class CalibrationConfig:
    """Everything that decides how the layers of a net read their bottoms.

    Parameters
    ----------
    observer : str
        The registered name of what chooses the scales.
    images : int
        Calibration images.
    keep_f32 : tuple of str
        Layers that compute in f32: names, or patterns with ``*``, ``?`` and ``[...]``.
    keep_ends : bool
        Let the first and the last of the layers that multiply with weights compute in f32.
    equalize : bool
        Scale channels between layers first, so that one scale suits all channels of a blob.
    learn_rounding : bool
        Round weights so that what layers give changes least, in place of each to the nearest integer.
    correct_bias : bool
        Add what quantization takes from the mean of each output channel to the bias.
    integer_weights : bool
        Round the weights to integers, which files then hold in one byte each; otherwise they stay as they are, and are
        rounded when the net is run.
    bits : (int, int)
        Of weights, 1 to 8, and of the blobs that they are multiplied with, 1 to 8 (signed ones: 2 at least), in all
        layers with weights but the first and the last, which have 8.
    """

    observer: str = settings.CALIBRATION_OBSERVER
    images: int = settings.CALIBRATION_IMAGES
    keep_f32: tuple[str, ...] = ()
    keep_ends: bool = False
    equalize: bool = False
    learn_rounding: bool = False
    correct_bias: bool = True
    integer_weights: bool = True
    bits: tuple[int, int] = (BITS, BITS)

    def __post_init__(self) -> None:
        if self.images < 1:
            raise SettingError(f"{self.images} calibration images; one is the least")
        if not all(1 <= bits <= BITS for bits in self.bits):
            raise SettingError(f"weights and blobs of {self.bits[0]} and {self.bits[1]} bits; 1 to {BITS} are possible")
        if self.learn_rounding and self.bits[0] < BITS:
            mend = "Train the net that is calibrated (xdn-train)"
            raise SettingError("the rounding of weights is learned in 8 bits only", mend=mend)

    def keeps(self, layer: str) -> bool:
        """Return whether a layer of this name is to compute in f32."""
        return any(fnmatchcase(layer, pattern) for pattern in self.keep_f32)
