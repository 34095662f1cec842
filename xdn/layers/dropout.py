"""Dropout: nothing at test time, unless training left the scaling to it."""

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array, Blob, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.function import Activation


@layer_type(
    "Dropout",
    "SeLuDropout",
    "AlphaDropout",
    "SpatialDropout",
    "Noise",
    "OutputDecay",
    "GradientScaler",
    "GradientReversal",
    "GradientReverse",
    "GradReverse",
    "StopGradient",
    v1_name="DROPOUT",
)
class Dropout(Activation):
    """Dropout: y = x at test time (Srivastava et al. 2014).

    What forks call SeLuDropout, AlphaDropout or SpatialDropout is the identity at test time, too, and so are Noise,
    which training adds, and OutputDecay, GradientScaler, GradientReversal and the like, which only training's gradients
    see. `scale_train` is a field of the SSD and PSPNet branches of Caffe: where it is false, training did not scale
    what it kept by 1 / (1 - dropout_ratio), and the test phase multiplies by 1 - dropout_ratio instead. Bayesian SegNet
    draws at test time, too, and averages many results (`sample_weights_test`); that is refused.
    """

    message = Message("DropoutParameter", "dropout_param", 108, 12)

    dropout_ratio: float = proto(1, "float", default=0.5)
    scale_train: bool = proto(2, "bool", default=True)
    sample_weights_test: bool = proto(2000, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        if self.sample_weights_test:
            what = "sample_weights_test draws at random at test time, and XDN's results are the same each time"
            raise UnsupportedError(what, mend="Remove it: Dropout then gives the mean of what it would draw")
        return super().infer(bottoms, n_tops)

    @property
    def factor(self) -> float:
        """What a value is multiplied by at test time, 1 for the identity."""
        return 1.0 if self.scale_train else 1.0 - self.dropout_ratio

    def numpy(self, x: Array) -> Array:
        """The bottom, times `factor`."""
        return x.copy() if self.factor == 1 else x * np.float32(self.factor)
