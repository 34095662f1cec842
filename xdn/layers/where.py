"""Where: of two blobs the element that a third one's tells."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import layer_type
from xdn.layers.portable import Library, Portable


@layer_type("Where")
class Where(Portable):
    """Where: y = a where the condition is not 0, else b; the bottoms are condition, a, b, of one shape."""

    channel_rule = ChannelRule.CARRIED
    always_keeps_positions = True
    always_jumps = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The one shape of all three."""
        if len(bottoms) != 3:
            raise ShapeError(
                f"{len(bottoms)} bottoms; it takes three: condition, and what is taken where it holds or not"
            )
        if len({bottom.shape for bottom in bottoms}) > 1:
            raise ShapeError(f"bottoms of different shapes: {', '.join(str(bottom.shape) for bottom in bottoms)}")
        return (Blob(bottoms[0].shape),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Element by element; NaN is not 0."""
        condition, a, b = bottoms
        return (lib.where(condition != 0, a, b),)
