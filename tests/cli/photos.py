"""Photos as a new user has them: different sizes and formats, two classes, a list file; and nets that read them."""

import cv2
import numpy as np

from xdn import frontend

#: Ending -> channels; one file of each for every class.
FORMATS = {".jpg": 3, ".png": 3, ".tif": 3, ".gif": 3, ".bmp": 1, ".jpeg": 1}

NET = """
name: "two"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: %d dim: %d dim: %d } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_size: 3 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "conv2" type: "Convolution" bottom: "conv" top: "conv2"
        convolution_param { num_output: 6 kernel_size: 3 stride: 2 } }
layer { name: "pool" type: "Pooling" bottom: "conv2" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


def write_photos(folder, classes=("cat", "dog")):
    """Write photos of each of FORMATS into one folder a class, and ``photos.txt`` beside `folder`; return `folder`."""
    rng, lines = np.random.default_rng(3), []
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number, (ending, channels) in enumerate(FORMATS.items()):
            shape = (20 + 3 * number + label, 34 - 2 * number, channels)
            image = rng.integers(0, 120, shape, np.uint8) + np.uint8(100 * label)
            file = folder / name / f"{number}{ending}"
            file.write_bytes(cv2.imencode(ending, image)[1].tobytes())
            lines.append(f"{folder.name}/{name}/{file.name} {label}\n")
    (folder.parent / f"{folder.name}.txt").write_text("".join(lines))
    return folder


def write_net(path, channels=3, side=16):
    """Write a net for images (C, side, side) and two classes, with random weights, to `path`; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(NET % (channels, side, side))
    frontend.save(frontend.load(path, random_weights=True), path, path.with_suffix(".caffemodel"))
    return path
