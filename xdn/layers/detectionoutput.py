"""DetectionOutput: SSD's predictions as a list of boxes."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, proto
from xdn.layers.boxes import Suppress, around, ranked, suppress
from xdn.layers.outlines import QUADRILATERAL, RECTANGLE, decoded
from xdn.layers.roipooling import REGION

#: What a found box is told by: image, class, confidence, xmin, ymin, xmax, ymax; an outline follows.
_COLUMNS = 7
_UNBOUNDED = -1


@layer_type("DetectionOutput")
class DetectionOutput(CaffeLayer):
    """DetectionOutput: decode boxes, suppress those that overlap better ones of their class, keep the best.

    The bottoms are locations (N, priors * 4), confidences (N, priors * classes) and priors (1, 2, priors * 4). Further
    ones are those of a refined detector (RefineDet, Zhang et al. 2018): for each prior how likely it is nothing and
    something (N, priors * 2), where a prior that is something by less than `objectness_score` is background, and
    locations of its own (N, priors * 4), which move the priors first; what does not fit that plays no part. The top
    (1, 1, found, 7) has a row a box: image, class, confidence, and corners as fractions of the image. How many are
    found depends on the data; nothing found gives one row of -1 an image. With `normalized: false`, of Intel's nets,
    priors are regions (1, 1, R * 5), each of an image and then corners in pixels of an image `input_width` wide and
    `input_height` high. With `use_polygon`, of TextBoxes++ (Liao et al. 2018), an outline follows each location, and
    the box in each row of the top: true for a quadrilateral, 8 values more, false for a rectangle at an angle, 5 more.
    Boxes alone tell what overlaps. The source is detection_output_layer.cpp of the SSD branch of Caffe (Liu et al.
    2016), of RefineDet's and of TextBoxes++'; that of Intel's fields is OpenVINO's operation of the same name.
    """

    message = Message("DetectionOutputParameter", "detection_output_param", 204)
    always_jumps = True  # Which boxes are left.
    unused = {
        "save_output_param": Field(5, "SaveOutputParameter"),
        "visualize": Field(10, "bool"),
        "visualize_threshold": Field(11, "float"),
        "save_file": Field(12, "string"),
    }

    num_classes: int = proto(1, "uint32", default=0)
    share_location: bool = proto(2, "bool", default=True)
    background_label_id: int = proto(3, "int32", default=0)
    nms_param: tuple[tuple[str, float], ...] = proto(4, "NonMaximumSuppressionParameter", default=())
    code_type: str = proto(6, "enum", default="CORNER", values={"CORNER": 1, "CENTER_SIZE": 2, "CORNER_SIZE": 3})
    variance_encoded_in_target: bool = proto(8, "bool", default=False)
    keep_top_k: int = proto(7, "int32", default=_UNBOUNDED)
    confidence_threshold: float = proto(9, "float", default=float(np.finfo(np.float32).min))
    objectness_score: float = proto(24, "float", default=0.01)
    normalized: bool = proto(2000, "bool", default=True)
    input_width: int = proto(2001, "int32", default=1)
    input_height: int = proto(2002, "int32", default=1)
    use_polygon: bool | None = proto(2003, "bool", default=None)

    @property
    def _outline(self) -> int:
        """How many values tell an outline; 0 where a location is a box alone."""
        return 0 if self.use_polygon is None else QUADRILATERAL if self.use_polygon else RECTANGLE

    @property
    def _suppression(self) -> tuple[float, int, float]:
        """Threshold, boxes of a class that are looked at (unbounded where negative), eta."""
        given = dict(self.nms_param)
        if given.get("soft_nms"):
            what = "soft_nms lowers the scores of boxes that overlap, by a rule in which forks differ"
            raise UnsupportedError(what, mend="With soft_nms: false they go where they overlap by nms_threshold")
        threshold, eta = given.get("nms_threshold", 0.3), given.get("eta", 1.0)
        if not threshold >= 0 or not 0 < eta <= 1:
            raise ShapeError(f"nms_threshold {threshold}, eta {eta}; the first is 0 or more, eta above 0 and at most 1")
        return threshold, int(given.get("top_k", _UNBOUNDED)), eta

    def _priors(self, bottoms: Blobs) -> int:
        """Return the number of priors; raise ShapeError where the bottoms do not fit each other."""
        if len(bottoms) < 3:
            raise ShapeError(f"{len(bottoms)} bottoms; it takes locations, confidences and priors")
        locations, confidences, priors = (bottom.shape for bottom in bottoms[:3])
        if not self.normalized and (
            min(self.input_width, self.input_height) < 1 or not self.variance_encoded_in_target
        ):
            what = f"normalized: false with input_width {self.input_width} and input_height {self.input_height}"
            raise ShapeError(f"{what}; both are positive, and variance_encoded_in_target is true")
        planes, told_by = (2, 4) if self.normalized else (1, REGION)
        if len(priors) != 3 or priors[:2] != (1, planes) or priors[2] % told_by:
            raise ShapeError(f"priors of shape {priors}; (1, {planes}, priors * {told_by}) is expected")
        count, n = priors[2] // told_by, locations[0] if locations else 0
        classes = 1 if self.share_location else self.num_classes
        if self.num_classes < 1 or bottoms[0].size != n * count * classes * (4 + self._outline):
            what = f"locations of shape {locations} for {count} priors and {classes} sets of them"
            mend = "With use_polygon, true or false, a location has 12 values or 9; without, 4"
            raise ShapeError(f"{what}, {4 + self._outline} values each", mend=mend)
        if self._outline and (self.code_type != "CENTER_SIZE" or self.variance_encoded_in_target or len(bottoms) > 3):
            what = f"code_type {self.code_type}, or a variance in the target, or refined priors, with use_polygon"
            raise UnsupportedError(what, mend="Its Caffe decodes outlines by CENTER_SIZE and a variance of the priors")
        if confidences[:1] != (n,) or bottoms[1].size != n * count * self.num_classes:
            wanted = f"{n} images, {count} priors, {self.num_classes} classes"
            raise ShapeError(f"confidences of shape {confidences} for {wanted}")
        if len(bottoms) > 5 or (len(bottoms) == 5 and self._refining(bottoms, n * count) < 2):
            shapes = [bottom.shape for bottom in bottoms[3:]]
            raise ShapeError(f"bottoms of shapes {shapes} after the priors; it takes (N, priors * 2), (N, priors * 4)")
        return count

    def _refining(self, bottoms: Blobs | Arrays, boxes: int) -> int:
        """Return how many bottoms after the priors are a refined detector's; `boxes` is priors times images."""
        if len(bottoms) < 4 or bottoms[3].size != 2 * boxes:
            return 0
        return 2 if len(bottoms) > 4 and bottoms[4].size == 4 * boxes and self.share_location else 1

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(1, 1, most, 7): as many rows as can be found, at most."""
        most = self._priors(bottoms) * self.num_classes
        _, top_k, _ = self._suppression
        for bound in (top_k * self.num_classes, self.keep_top_k):
            most = min(most, bound) if bound > _UNBOUNDED else most
        return (Blob((1, 1, bottoms[0].shape[0] * max(most, 1), _COLUMNS + self._outline)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image, class by class."""
        return self.detected(bottoms, suppress)

    def detected(self, bottoms: Arrays, suppress: Suppress) -> tuple[Array, ...]:
        """Return the top; `suppress` picks boxes as `xdn.layers.boxes.suppress` does."""
        count = self._priors([Blob(bottom.shape) for bottom in bottoms])
        n = len(bottoms[0])
        locations = bottoms[0].reshape(n, count, -1, 4 + self._outline)
        confidences = bottoms[1].reshape(n, count, self.num_classes)
        priors, variances = self._priors_of(bottoms[2], count)
        refining, rows = self._refining(bottoms, n * count), []
        if refining:
            something = bottoms[3].reshape(n, count, 2)[..., 1] >= np.float32(self.objectness_score)
            nothing = np.arange(self.num_classes) == 0
            confidences = np.where(something[..., None], confidences, nothing.astype(np.float32))
        for image in range(n):
            moved = priors
            if refining > 1:
                moved = self._decoded(bottoms[4][image].reshape(count, 4), priors, variances)
            rows += self._found(image, locations[image], confidences[image], (moved, variances), suppress)
        if not rows:
            empty = np.full((1, 1, n, _COLUMNS + self._outline), -1, np.float32)
            empty[..., 0] = np.arange(n)
            return (empty,)
        return (np.array(rows, np.float32)[None, None],)

    def _priors_of(self, values: Array, count: int) -> tuple[Array, Array]:
        """Return the corners (count, 4) of the priors as fractions, and the variances (count, 4)."""
        if self.normalized:
            corners, variances = values.reshape(2, count, 4)
            return corners, variances
        size = np.array([self.input_width, self.input_height] * 2, np.float32)
        corners = values.reshape(count, REGION)[:, 1:] / size
        return corners, np.ones_like(corners)

    def _found(
        self, image: int, locations: Array, confidences: Array, priors: tuple[Array, Array], suppress: Suppress
    ) -> list[list[float]]:
        """Return the rows of one image."""
        threshold, top_k, eta = self._suppression
        found: list[tuple[float, int, Array]] = []
        for label in range(self.num_classes):
            if label == self.background_label_id:
                continue
            scores = confidences[:, label]
            order = ranked(scores, scores > np.float32(self.confidence_threshold))
            order = order[:top_k] if top_k > _UNBOUNDED else order
            if not len(order):
                continue
            coded, own = locations[:, 0 if self.share_location else label][order], [p[order] for p in priors]
            boxes = self._decoded(coded[:, :4], *own)
            kept = suppress(boxes, threshold, eta=eta)
            if self._outline:
                boxes = np.hstack([boxes, decoded(coded[:, 4:], *own)])
            found += [(scores[order[k]], label, boxes[k]) for k in kept]
        if _UNBOUNDED < self.keep_top_k < len(found):
            best = sorted(range(len(found)), key=lambda i: (-found[i][0], i))[: self.keep_top_k]
            # Class by class, as without the bound.
            found = [found[i] for i in sorted(best, key=lambda i: (found[i][1], -found[i][0], i))]
        return [[image, label, score, *box] for score, label, box in found]

    def _decoded(self, locations: Array, priors: Array, variances: Array) -> Array:
        """Return the corners (N, 4) of boxes that are coded relative to priors."""
        coded = locations if self.variance_encoded_in_target else locations * variances
        sizes = np.tile(priors[:, 2:] - priors[:, :2], 2)
        if self.code_type != "CENTER_SIZE":
            corners: Array = priors + (coded if self.code_type == "CORNER" else coded * sizes)
            return corners
        return around((priors[:, :2] + priors[:, 2:]) / 2, sizes[:, :2], coded)
