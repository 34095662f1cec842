"""Input: the blobs that the caller fills, and what is done to images before them."""

from dataclasses import field

from xdn.element import REAL, Element
from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Transform, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, proto

#: How far pixels spread once their mean is subtracted: about as those of photographs in 0..255.
PIXEL_SPREAD = 64.0


@layer_type("Input")
class Input(CaffeLayer):
    """Input: declare blobs that the caller gives; the file's data layers become this one.

    `transform` and `source` are the layer's own `transform_param` and `data_param { source }`; `resize` are height and
    width to which ImageData resizes its images before, its `new_height` and `new_width`, empty for neither. `element`
    is what the caller's values are, and `scale` what 1 stands for where these are 8-bit integers. `spread` is how far
    they lie from their mean as a rule, before the transform's own scale: what checks make up lies as far.
    """

    message = Message("InputParameter", "input_param", 143)
    is_input = True

    shape: tuple[Shape, ...] = proto(1, "BlobShape", default=(), repeated=True)
    transform: Transform = Transform()
    source: str = ""
    resize: tuple[int, ...] = ()
    element: Element = REAL
    scale: float = field(default=1.0, repr=False)
    spread: float = field(default=PIXEL_SPREAD, repr=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The declared shapes, one a top; one shape may serve all tops."""
        if bottoms:
            raise ShapeError("an Input layer takes no bottoms")
        if self.transform.impossible:
            raise ShapeError(f"its images are scaled by {self.transform.impossible}", mend="Mend its transform")
        if not self.shape:
            raise ShapeError("nothing tells its shape", mend="Say it with --input-shape")
        if len(self.shape) not in (1, n_tops):
            raise ShapeError(f"{len(self.shape)} shapes for {n_tops} tops; give one, or one a top")
        shapes = self.shape * n_tops if len(self.shape) == 1 else self.shape
        return tuple(Blob(shape, self.element, self.scale) for shape in shapes)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Not computed: the caller gives these blobs."""
        raise ShapeError("the caller gives the blobs of an Input layer")
