"""What the tests of integer contractions share: nets of one layer that reads 8-bit integers, and their feeds."""

from dataclasses import dataclass, replace

import numpy as np

from tests.codegen.targets import RUNNABLE
from tests.kernels.checks import input_layer, make_params, random_weights
from xdn.codegen.target import cpu_features, ways_of
from xdn.element import REAL
from xdn.graph import Epilogue, Layer, LayerParams, Net, Quantized

#: As what tops and residuals are read or stored, by name; a residual may also be of f32.
KINDS = {"f32": None, "u8": Quantized(0.037), "s8": Quantized(0.051, signed=True)}
READ, SECOND = Quantized(0.02), Quantized(0.013)
#: Every way to multiply that this processor has, in each length of vectors.
TARGETS = tuple(
    replace(target, dots=way)
    for target in RUNNABLE
    if target.name in ("avx512f", "avx2", "neon", "portable")
    for way in ways_of(target, cpu_features())
)


@dataclass(frozen=True)
class Case:
    """A layer that reads integers.

    Parameters
    ----------
    images : tuple of shapes
        Of its bottom, and of what a projection reads.
    read, second : Quantized
        As what it reads these.
    stored : Quantized, optional
        As what its top is stored.
    residual : str, optional
        One of `KINDS`.
    activation, projection : LayerParams, optional
    """

    images: tuple[tuple[int, ...], ...]
    read: Quantized = READ
    second: Quantized = SECOND
    stored: Quantized | None = None
    residual: str | None = None
    activation: LayerParams | None = None
    projection: LayerParams | None = None

    def net(self, type_name="Convolution", seed=0, **params):
        """Return the net, with random weights."""
        read = (self.read, self.second)[: len(self.images)]
        inputs = [integer_input(f"x{i}", *each) for i, each in enumerate(zip(self.images, read, strict=True))]
        bottoms = tuple(layer.name for layer in inputs)
        own = make_params(type_name, **params)
        epilogue = Epilogue(self.residual is not None, self.activation, self.projection)
        layer = Layer("layer", own, bottoms, ("y",), epilogue=epilogue if epilogue.parts else None)
        if self.residual:
            top = Net("shapes", (*inputs, layer.replace(bottoms=bottoms[:1], epilogue=None, quantized=read[:1]))).blobs[
                "y"
            ]
            how = KINDS[self.residual]
            inputs.append(integer_input("residual", top.shape[1:], how))
            layer, read = layer.replace(bottoms=(*bottoms, "residual")), (*read, *([] if how is None else [how]))
        layer = layer.replace(quantized=read, stored=(self.stored,) if self.stored else ())
        return random_weights(Net("integers", (*inputs, layer), ("y",)), np.random.default_rng(seed))


def integer_input(name, image, how):
    """Return an Input layer of integers, of f32 for None."""
    layer = input_layer(name, *image)
    return layer if how is None else layer.replace(params=replace(layer.params, element=how.element, scale=how.scale))


def constant_feed(net, batch, highest=True):
    """Return the largest or the smallest integers for all inputs."""
    limit = (lambda e: np.iinfo(e.numpy).max) if highest else (lambda e: np.iinfo(e.numpy).min)
    return {
        name: np.full((batch, *blob.shape[1:]), 0 if blob.element == REAL else limit(blob.element), blob.element.numpy)
        for name, blob in net.inputs.items()
    }
