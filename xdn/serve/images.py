"""Images of requests, raw or encoded, as the net reads them."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from xdn import api, settings
from xdn.data.dataset import Size
from xdn.data.decode import Bounds, decoded, resize
from xdn.errors import DataError
from xdn.graph import Array, Net
from xdn.serve.advice import for_clients
from xdn.serve.config import Images
from xdn.serve.messages import BadRequestError, Tensor

#: Of how many sizes of images the transform is kept.
_SIZES_KEPT = 16


class ImageInput:
    """Makes what a net reads of images.

    Parameters
    ----------
    net : Net
        Whose only input is one of images; with the transform that is wanted.
    shape : tuple of int
        (C, H, W) of that input.
    images : Images
        Tells the size.

    Raises
    ------
    DataError
        Where the transform does not fit the net, or its mean file is not there.
    """

    def __init__(self, net: Net, shape: tuple[int, int, int], images: Images):
        self._channels, *extent = shape
        transform = api.image_transform(net)
        # Decoded images are B,G,R, as Caffe's are; a net that states another order gets it.
        self._reversed = transform.channel_order == "rgb"
        self._size: Size | None = images.size
        if images.size is None and not transform.crop_size:
            self._size = (extent[0], extent[1])
        # Without `self`, so that a model that is loaded anew leaves no cycle that keeps its weights.
        channels = self._channels
        self._transform = lru_cache(_SIZES_KEPT)(lambda size: api.pixel_transform(net, (*size, channels)))
        if self._size:
            self._transform(self._size)

    def arrays(self, tensor: Tensor) -> Iterator[Array]:
        """Yield each image of a tensor of BYTES, or of UINT8, as the net reads it: f32 (1, C, h, w).

        Raises
        ------
        BadRequestError
            For what is not an image, or one that the transform does not take.
        """
        for number, content in enumerate(tensor.data):
            where = f"input {tensor.name!r}, image {number}"
            try:
                yield self._read(self._decoded(content, where) if tensor.datatype == "BYTES" else content)
            except DataError as error:
                raise BadRequestError(error.what, where=where, mend=for_clients(error)) from None

    def _decoded(self, content: bytes, where: str) -> Array:
        """Return an encoded image with its channels in the net's order."""
        bounds = Bounds(settings.MAX_SERVED_PIXELS, settings.MAX_SERVED_SCANS)
        image = decoded(content, where, self._channels == 1, bounds)
        return image[:, :, ::-1] if self._reversed else image

    def _read(self, image: Array) -> Array:
        """Return an image, u8 (H, W, C), as the net reads it."""
        height, width, channels = image.shape
        if channels != self._channels:
            raise DataError(f"the image has {channels} channels; the net reads {self._channels}")
        if not 0 < height * width <= settings.MAX_SERVED_PIXELS:
            raise DataError(f"the image has {height}x{width} pixels; 1 to {settings.MAX_SERVED_PIXELS} are read")
        if self._size:
            image = resize(np.ascontiguousarray(image), self._size)
        return self._transform(image.shape[:2]).apply(image[None])
