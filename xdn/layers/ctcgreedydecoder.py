"""CTCGreedyDecoder: the labels that scores of every step spell."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto


@layer_type("CTCGreedyDecoder")
class CTCGreedyDecoder(CaffeLayer):
    """CTCGreedyDecoder: the best class of each step (T, N, C), without blanks and repetitions, as (N, T, 1, 1).

    What is left of a row is -1. The best are scores or probabilities; of equal ones the first. A second bottom (T, N)
    ends a sequence where it is 0 after the first step; a second top (N, 1, 1, 1) is the negative sum of the best
    scores. `blank_index` below 0 is the last class. Where a file does not say it, it is the last class with two
    bottoms, as in ChWick's fork, which brought the layer, and class 0 with one, as in the forks that took it over to
    read text (caffe_ocr). The source is ctc_decoder_layer.cpp.
    """

    message = Message("CTCDecoderParameter", "ctc_decoder_param", 2063)
    always_jumps = True  # From one label to the next.

    blank_index: int | None = proto(1, "int32", default=None)
    ctc_merge_repeated: bool = proto(2, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, T, 1, 1), and (N, 1, 1, 1)."""
        if len(bottoms) not in (1, 2) or len(bottoms[0].shape) != 3:
            raise misfit(bottoms, "scores (T, N, C), and an indicator (T, N) of what goes on")
        steps, streams, classes = bottoms[0].shape
        for indicator in bottoms[1:]:
            if indicator.shape[:2] != (steps, streams) or indicator.size != steps * streams:
                raise ShapeError(f"an indicator of shape {indicator.shape}; here it is ({steps}, {streams})")
        if n_tops not in (1, 2):
            raise ShapeError(f"{n_tops} tops; it gives labels, and their scores")
        if self._blank(len(bottoms), classes) >= classes:
            raise ShapeError(f"blank_index {self.blank_index} of {classes} classes")
        return (Blob((streams, steps, 1, 1)), Blob((streams, 1, 1, 1)))[:n_tops]

    def _blank(self, n_bottoms: int, classes: int) -> int:
        """Return the class that stands for nothing."""
        said = (0 if n_bottoms == 1 else -1) if self.blank_index is None else self.blank_index
        return classes - 1 if said < 0 else said

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """All steps at once, then what is left of each stream to the front."""
        scores = bottoms[0].swapaxes(0, 1)
        streams, steps, classes = scores.shape
        # As the loop that keeps what no later one is larger than: NaN is never larger.
        numbers = np.where(np.isnan(scores), np.float32(-np.inf), scores)
        best = np.where(np.isnan(scores[..., :1]), 0, numbers.argmax(axis=2, keepdims=True))
        values = np.take_along_axis(scores, best, axis=2)[..., 0]
        labels = best[..., 0]
        runs = np.ones((streams, steps), bool)
        if len(bottoms) == 2:
            goes_on = bottoms[1].reshape(steps, streams).T[:, 1:] != 0
            runs[:, 1:] = np.logical_and.accumulate(goes_on, axis=1)
        taken = runs & (labels != self._blank(len(bottoms), classes))
        if self.ctc_merge_repeated:
            taken[:, 1:] &= labels[:, 1:] != labels[:, :-1]
        made = np.full((streams, steps, 1, 1), -1, np.float32)
        for row, keep, found in zip(made, taken, labels, strict=True):
            row[: keep.sum(), 0, 0] = found[keep]
        total = -np.where(runs, values, 0).sum(axis=1, dtype=np.float32).reshape(streams, 1, 1, 1)
        return (made, total)[:n_tops]
