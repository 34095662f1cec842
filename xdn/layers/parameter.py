"""Parameter: learned values as a blob."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, WeightAxes, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable


@layer_type("Parameter")
class Parameter(Portable):
    """Parameter: the weight, of the stated `shape`, is the top (Caffe's parameter_layer.hpp)."""

    message = Message("ParameterParameter", "parameter_param", 145)
    reads_shapes_only = True

    shape: Shape = proto(1, "BlobShape", default=())

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The stated shape."""
        if bottoms:
            raise misfit(bottoms, "none")
        if not self.shape:
            raise ShapeError("nothing tells its shape", mend="Say it: parameter_param { shape { dim: 10 } }")
        return (Blob(self.shape),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """One of the stated shape."""
        return {"parameter": self.shape}

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The weight."""
        return (weights["parameter"] + 0,)
