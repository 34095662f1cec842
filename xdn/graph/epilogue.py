"""What post-fusion appends to a layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xdn.errors import ShapeError
from xdn.graph.blob import Array, Blob, Shape
from xdn.graph.params import LayerParams, Weights
from xdn.graph.quantized import Reading

#: What the names of a fused projection's weights begin with.
PROJECTION_PREFIX = "projection."


@dataclass(frozen=True)
class Epilogue:
    """What a fused layer does to its result before the only store: add a residual or a projection, then activate.

    Parameters
    ----------
    residual : bool
        The layer's last bottom is added to the result.
    activation : LayerParams, optional
        The parameters of a `fusable` layer type; its weights (PReLU's slope) stand among those of the fused layer.
    projection : LayerParams, optional
        The parameters of a convolution: what it makes of the layer's last bottom is added to the result. Its weights
        stand among those of the fused layer, their names after `PROJECTION_PREFIX`. It excludes a residual.
    """

    residual: bool = False
    activation: LayerParams | None = None
    projection: LayerParams | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """What is done, in its order: ``"sum"`` or ``"projection"``, the activation's layer type."""
        projection = () if self.projection is None else ("projection",)
        activation = () if self.activation is None else (self.activation.type,)
        return ("sum",) * self.residual + projection + activation

    @property
    def reads(self) -> bool:
        """Whether the layer's last bottom is the epilogue's."""
        return self.residual or self.projection is not None

    def check(self, tops: Sequence[Blob], added: Sequence[Blob]) -> None:
        """Raise ShapeError where the epilogue does not fit the layer's tops and the bottom `added` that it reads."""
        if not tops or len(added) != self.reads:
            raise ShapeError(f"something is fused to a layer that has no {'bottom' if tops else 'top'} for it")
        top = tops[0]
        if self.residual and self.projection is not None:
            raise ShapeError("a residual and a projection are fused; a layer adds one of them")
        if self.activation is not None:
            self.activation.infer([top], 1)
        what, shapes = "residual", [blob.shape for blob in added]
        if self.projection is not None:
            what, shapes = "projection", [blob.shape for blob in self.projection.infer(added, 1)]
        if any(shape != top.shape for shape in shapes):
            raise ShapeError(f"the {what}'s shape {shapes[0]} is not {top.shape}")

    def weight_shapes(self, top: Blob, added: Sequence[Blob]) -> dict[str, Shape]:
        """Return name -> shape of the weights that the epilogue needs: the activation's, then the projection's."""
        shapes = {} if self.activation is None else self.activation.weight_shapes([top])
        if self.projection is None:
            return shapes
        return shapes | prefixed(self.projection.weight_shapes(added))

    def macs(self, top: Blob, added: Sequence[Blob]) -> int:
        """Return the projection's multiply-accumulates; see `LayerParams.macs`."""
        return 0 if self.projection is None else self.projection.macs(added, [top])

    def apply(self, result: Array, added: Sequence[Array], weights: Weights, read: Sequence[Reading] = ()) -> Array:
        """Return the result with the residual or the projection of `added` added, and the activation applied.

        With `read` what is added are 8-bit integers, or values in bf16.
        """
        if self.projection is not None:
            own = projection_weights(weights)
            added = self.projection.forward(added, read, own, 1)
        elif read:
            added = [how.values(x) for how, x in zip(read, added, strict=True)]
        for each in added:
            result = result + each
        if self.activation is not None:
            (result,) = self.activation.reference([result], weights, 1)
        return result


def prefixed(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a projection names under the names that it has in the fused layer."""
    return {PROJECTION_PREFIX + name: value for name, value in named.items()}


def projection_weights(weights: Weights) -> dict[str, Array]:
    """Return the weights of a fused projection, out of those of its layer, under their own names."""
    return {
        name.removeprefix(PROJECTION_PREFIX): array
        for name, array in weights.items()
        if name.startswith(PROJECTION_PREFIX)
    }
