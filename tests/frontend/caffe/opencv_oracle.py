"""OpenCV 4.x's own Caffe importer, the outside reader of what the frontend reads and writes."""

from pathlib import Path

import cv2
import numpy as np

from xdn.graph import Net

#: Both sum in f32 in other orders: about sqrt(K) roundings of 6e-8 a layer, measured below 5e-6 on every net here.
TOLERANCE = 2e-5


def opencv_outputs(net: Net, prototxt: Path, caffemodel: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return blob -> array of what OpenCV computes from the two files for the only input of `net`."""
    model = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    model.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    model.setInput(images, next(iter(net.inputs)))
    names = model.getUnconnectedOutLayersNames()
    tops = {layer.name: layer.tops[0] for layer in net.layers}
    return {tops[name]: array for name, array in zip(names, model.forward(names), strict=True)}


def check_against_opencv(net: Net, prototxt: Path, caffemodel: Path, rng: np.random.Generator, scale=1.0) -> None:
    """Assert that `net.forward` agrees with OpenCV on the two files, for two random images."""
    net = net.with_batch(2)
    name = next(iter(net.inputs))
    images = rng.standard_normal(net.inputs[name].shape, dtype=np.float32) * np.float32(scale)
    own = net.forward({name: images})
    found = opencv_outputs(net, prototxt, caffemodel, images)
    assert set(found) == set(net.outputs)
    for blob, array in found.items():
        limit = TOLERANCE * max(1.0, float(np.abs(own[blob]).max()))
        assert np.abs(own[blob] - array.reshape(own[blob].shape)).max() <= limit, blob
        assert own[blob].std() > 0, f"{blob} is constant: nothing was compared"
