"""A small net and a small data set for runs."""

import numpy as np

from xdn.data.dataset import Dataset
from xdn.graph import Layer, Net
from xdn.layers import LAYERS


class Stripes(Dataset):
    """Images of 4x5 whose red, green or blue channel is bright; the label says which."""

    name, title, split = "stripes", "Stripes", "test"
    classes = ("red", "green", "blue")
    channel_order = "rgb"
    shape = (4, 5, 3)

    def __init__(self, count: int = 70):
        rng = np.random.default_rng(5)
        self.preprocessing: dict[str, str] = {}
        self.labels = rng.integers(0, 3, count).astype(np.int32)
        self._pixels = rng.integers(0, 50, (count, *self.shape), dtype=np.uint8)
        self._pixels[np.arange(count), :, :, self.labels] += 100

    def _images(self, start, stop):
        return self._pixels[start:stop]


def weighed_channels() -> Net:
    """Return a net that says the same as `brightest_channel`, by two convolutions that change nothing."""
    layers = [Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),)), (), ("data",))]
    identity = {"weight": np.eye(3, dtype=np.float32)[:, :, None, None], "bias": np.zeros(3, np.float32)}
    for name in ("first", "second"):
        params = LAYERS["Convolution"](num_output=3, kernel_size=(1,))
        layers.append(Layer(name, params, layers[-1].tops, (name,), weights=identity))
    pool = LAYERS["Pooling"](pool="AVE", global_pooling=True)
    return Net("weighed", (*layers, Layer("pool", pool, ("second",), ("pool",))))


def brightest_channel(source: str = "") -> Net:
    """Return a net that averages each channel: its largest output is at the brightest one."""
    data = Layer("data", LAYERS["Input"](shape=((1, 3, 4, 5),), source=source), (), ("data",))
    pool = Layer("pool", LAYERS["Pooling"](pool="AVE", global_pooling=True), ("data",), ("pool",))
    return Net("brightest", (data, pool))
