"""Region: YOLOv2's predictions, turned into positions, probabilities and what boxes are made of."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Region")
class Region(Portable):
    """Region: of each of `num` boxes the sigmoid of x, y and objectness, and the softmax of the classes.

    The channels (N, num * (coords + 1 + classes), H, W) are box by box: coordinates, objectness, classes. Coordinates
    after the first two stay as they are. The source is region_layer.cpp of Intel's training toolbox, after Darknet's.
    Layers of this name in other forks, which give several tops, are refused.
    """

    message = Message("RegionParameter", "region_param", 2030)
    always_keeps_positions = True
    fixed_because = "counts on the order of its channels"

    classes: int = proto(1, "uint32", default=20)
    coords: int = proto(2, "uint32", default=4)
    num: int = proto(3, "uint32", default=1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape."""
        bottom = one_bottom(bottoms, 4)
        if n_tops > 1:
            raise ShapeError(f"{n_tops} tops; a Region that gives several is another fork's (region_loss_param)")
        if self.classes < 1 or self.coords < 2 or self.num < 1:
            raise ShapeError(f"classes {self.classes}, coords {self.coords}, num {self.num}; coords is 2 or more")
        if bottom.shape[1] != self.num * (self.coords + 1 + self.classes):
            told = f"{self.num} boxes of {self.coords} coordinates, an objectness and {self.classes} classes"
            raise ShapeError(f"{bottom.shape[1]} channels for {told}")
        return (Blob(bottom.shape),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """1 / (1 + exp(-x)), and exp(x - largest) over their sum, in f32."""
        n, _, h, w = bottoms[0].shape
        boxes = bottoms[0].reshape(n, self.num, -1, h, w)
        sizes, classes = boxes[:, :, 2 : self.coords], boxes[:, :, self.coords + 1 :]
        place, objectness = boxes[:, :, :2], boxes[:, :, self.coords : self.coords + 1]
        powers = lib.exp(classes - lib.amax(classes, 2)[:, :, None])
        parts = [1 / (1 + lib.exp(-place)), sizes, 1 / (1 + lib.exp(-objectness)), powers / powers.sum(2)[:, :, None]]
        return (lib.concatenate(parts, 2).reshape(bottoms[0].shape),)
