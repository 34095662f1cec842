"""What a model takes and gives, and whether a request fits that."""

import math
from collections.abc import Sequence

import numpy as np

from xdn.element import REAL
from xdn.errors import listed
from xdn.runtime.arguments import Argument
from xdn.serve.datatypes import content_bytes, name_of
from xdn.serve.messages import BadRequestError, InferRequest, Tensor, TensorMetadata, TooLargeError

#: Axes of a tensor of images by its datatype: encoded files (N), raw pixels (N, H, W, C).
IMAGE_AXES = {"BYTES": 1, "UINT8": 4}
#: Datatypes that f32 has all values of, and those of whole numbers, whose values sessions check.
_AS_REAL = {"FP32", "FP16", "BF16", "INT32", "INT64", "BOOL"}
#: An axis of any extent, in metadata.
_FREE = -1


class Signature:
    """Inputs and outputs of a model.

    Parameters
    ----------
    inputs, outputs : sequence of Argument
        As the session has them.
    alone : bool
        Whether each image is treated alone.
    max_batch : int
    image_shape : tuple of int, optional
        (C, H, W) of the only input where that is one of images.
    """

    def __init__(
        self,
        inputs: Sequence[Argument],
        outputs: Sequence[Argument],
        alone: bool,
        max_batch: int,
        image_shape: tuple[int, int, int] | None,
    ):
        self._inputs = {each.name: each for each in inputs}
        self.outputs = tuple(each.name for each in outputs)
        #: Whether requests can run together.
        self.joins = alone and all(each.shape[:1] == ("N",) for each in (*inputs, *outputs))
        self._max_batch = max_batch
        #: The most images of a request that has a batch; 0 where there is none.
        self.batch = max_batch if self.joins else 0
        self.image_shape = image_shape if self.joins else None
        #: As the protocol tells them.
        self.metadata = tuple(map(_told, inputs)), tuple(map(_told, outputs))

    def images_of(self, request: InferRequest) -> int:
        """Return how many images a request has, which fits the model in all but the values; 1 where no batch is free.

        Raises
        ------
        BadRequestError
            For inputs and outputs that are not the model's, and shapes and datatypes that it does not take.
        TooLargeError
            For more images than `max_batch`.
        """
        names = [tensor.name for tensor in request.inputs]
        if sorted(names) != sorted(self._inputs):
            raise BadRequestError(f"inputs {listed([name[:64] for name in sorted(names)])} are given", mend=self._taken)
        if unknown := set(request.outputs) - set(self.outputs):
            mend = f"It has {', '.join(self.outputs)}"
            raise BadRequestError(f"the model has no output {min(unknown)[:64]!r}", mend=mend)
        if len(set(request.outputs)) < len(request.outputs):
            raise BadRequestError("an output is asked for twice")
        batches = {tensor.shape[0] if tensor.shape else 0 for tensor in request.inputs if self._batched(tensor.name)}
        if self.joins and len(batches) != 1:
            raise BadRequestError(f"inputs have different batches {sorted(batches)}")
        images = max(batches, default=1)
        if not 1 <= images <= self._max_batch:
            kind = TooLargeError if images else BadRequestError
            raise kind(f"a batch of {images} images; 1 to {self._max_batch} are taken")
        for tensor in request.inputs:
            self._check(tensor)
        return images

    def _batched(self, name: str) -> bool:
        """Return whether the first axis of an input is a batch of any size."""
        return self._inputs[name].shape[:1] == ("N",)

    def _check(self, tensor: Tensor) -> None:
        """Raise BadRequestError where an input has a datatype or a shape that the model does not take."""
        argument, shape = self._inputs[tensor.name], tensor.shape
        if self.reads_images(tensor):
            fits = len(shape) == IMAGE_AXES[tensor.datatype]
        else:
            fits = len(shape) == len(argument.shape) and all(
                isinstance(wanted, str) or wanted == found for wanted, found in zip(argument.shape, shape, strict=True)
            )
            fits &= tensor.datatype in (
                _AS_REAL | {"FP32"} if argument.type == REAL.dtype else {name_of(np.dtype(argument.type))}
            )
        if not fits:
            what = f"{tensor.datatype} of the shape {list(shape)}"
            raise BadRequestError(what, where=f"input {tensor.name!r}", mend=self._taken)

    def reads_images(self, tensor: Tensor) -> bool:
        """Return whether a tensor is one of images, which are made what the net reads."""
        return self.image_shape is not None and tensor.datatype in IMAGE_AXES

    @property
    def _taken(self) -> str:
        """What the model takes, in words."""
        inputs = (f"{each.name}: {each.datatype} {list(each.shape)}" for each in self.metadata[0])
        also = "; or images: UINT8 [-1, H, W, C], or JPEG or PNG files: BYTES [-1]" if self.image_shape else ""
        return f"The model takes {', '.join(inputs)}{also}"

    def bytes_of(self, request: InferRequest, images: int) -> int:
        """Return about how many bytes a request takes, with what is made of its images."""
        own = sum(content_bytes(tensor) for tensor in request.inputs)
        made = 0 if self.quick(request) else REAL.bytes * math.prod(self.image_shape or ()) * images
        return own + made

    def quick(self, request: InferRequest) -> bool:
        """Return whether making what the session reads takes no time worth a thread."""
        return not any(map(self.reads_images, request.inputs))


def _told(argument: Argument) -> TensorMetadata:
    """Return what the protocol tells of an input or output."""
    shape = tuple(axis if isinstance(axis, int) else _FREE for axis in argument.shape)
    return TensorMetadata(argument.name, name_of(np.dtype(argument.type)), shape)
