"""OpenCV's reader of Darknet's files as an oracle of YOLO's outputs: a small detector, as Caffe and Darknet write it.

Its maps have a quarter and an eighth of the images' height and width.
"""

import cv2
import numpy as np

from xdn.frontend import load
from xdn.frontend.weights import random_weights

#: (height, width) of the images, and how many times smaller each map is.
SIZE, STRIDES = (32, 48), (4, 8)
IMAGES = 2

#: Darknet's weights begin with a version, and with how many images were seen in training.
_HEAD = np.array([0, 2, 0], np.int32).tobytes() + np.zeros(1, np.int64).tobytes()
#: Layers and their weights in Darknet's order: normalisation, or a bias, before the filters.
_BODY_ORDER = [("s", "bias"), ("s", "scale"), ("n", "mean"), ("n", "variance"), ("c", "weight")]
_BODY = f"""input: "data" input_shape {{ dim: {IMAGES} dim: 3 dim: {SIZE[0]} dim: {SIZE[1]} }}
layer {{ name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param {{ num_output: 8 kernel_size: 3 stride: 2 pad: 1 bias_term: false }} }}
layer {{ name: "n" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param {{ eps: 1e-6 }} }}
layer {{ name: "s" type: "Scale" bottom: "c" top: "c" scale_param {{ bias_term: true }} }}
layer {{ name: "r" type: "ReLU" bottom: "c" top: "c" relu_param {{ negative_slope: 0.1 }} }}
layer {{ name: "p0" type: "Pooling" bottom: "c" top: "p0" pooling_param {{ kernel_size: 2 stride: 2 }} }}
"""
_DARKNET_BODY = f"""[net]
width={SIZE[1]}
height={SIZE[0]}
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=2
stride=2

"""


def _map(number, channels):
    """Return a map as Caffe and as Darknet write it; the second reads what is pooled once more."""
    pooled, skipped = "", ""
    if number:
        pooled = f'layer {{ name: "p{number}" type: "Pooling" bottom: "p{number - 1}" top: "p{number}"\n'
        pooled += "  pooling_param { kernel_size: 2 stride: 2 } }\n"
        skipped = "[route]\nlayers=1\n\n[maxpool]\nsize=2\nstride=2\n\n"
    own = f'layer {{ name: "m{number}" type: "Convolution" bottom: "p{number}" top: "m{number}"\n'
    own += f"  convolution_param {{ num_output: {channels} kernel_size: 1 }} }}\n"
    filters = f"[convolutional]\nfilters={channels}\nsize=1\nstride=1\nactivation=linear\n\n"
    return pooled + own, skipped + filters


def detector(folder, output, sections, channels):
    """Return a net with random weights and its images, and what OpenCV finds on them.

    Parameters
    ----------
    output : str
        The layer that reads the maps "m0" and, where there are two sections, "m1", as it stands in a prototxt.
    sections : list of str
        Darknet's, one a map.
    channels : int
        Of a map.

    Returns
    -------
    net, images, found
        (boxes, 5 + classes) an image: middle and size as fractions, objectness, scores of the classes above Darknet's
        threshold, 0 of the others. Map by map, cell by cell.
    """
    prototxt, darknet, order = _BODY, _DARKNET_BODY, list(_BODY_ORDER)
    for number, section in enumerate(sections):
        caffe, own = _map(number, channels)
        prototxt, darknet = prototxt + caffe, f"{darknet}{own}{section}\n"
        order += [(f"m{number}", "bias"), (f"m{number}", "weight")]
    path = folder / "net.prototxt"
    path.write_text(prototxt + output)
    net = random_weights(load(path))
    held = {layer.name: layer.weights for layer in net.layers}
    weights = _HEAD + b"".join(held[layer][name].tobytes() for layer, name in order)
    images = np.random.default_rng(0).standard_normal((IMAGES, 3, *SIZE)).astype(np.float32)
    model = cv2.dnn.readNetFromDarknet(*(np.frombuffer(each, np.uint8) for each in (darknet.encode(), weights)))
    model.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    found = []
    for image in images:
        model.setInput(image[None])
        found.append(np.concatenate(model.forward(model.getUnconnectedOutLayersNames())))
    return net, images, found


def listed(found, image, nms_threshold, *, likeliest=False):
    """Return the rows that a layer lists of what OpenCV found on an image, best first, and none that others hide.

    With `likeliest` a box counts with its best class alone.
    """
    scores = found[:, 5:]
    if likeliest:
        scores = np.where(np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None], scores, 0)
    box, label = np.nonzero(scores)
    x, y, w, h = found[box, :4].T
    corner = np.stack([x - w / 2, y - h / 2], axis=1)
    score = scores[box, label]
    kept = cv2.dnn.NMSBoxes(np.column_stack([corner, w, h]).astype(float), score, 0.0, nms_threshold)
    rows = [np.full(len(box), image), label + 1, score, *corner.T, x + w / 2, y + h / 2]
    return np.column_stack(rows)[kept]
