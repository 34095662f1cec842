"""Tiny nets in a model repository."""

import json
from pathlib import Path

from xdn import api
from xdn.frontend.weights import random_weights

#: A net of images: 3 channels of 4x4 pixels -> 2 scores.
IMAGES = """
name: "tiny"
input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 4 }
layer { name: "scores" type: "InnerProduct" bottom: "data" top: "scores" inner_product_param { num_output: 2 } }
"""
#: A net without weights: y = a + b, and z = max(y, 0).
SUM = """
name: "sum"
input: "a" input_shape { dim: 1 dim: 3 }
input: "b" input_shape { dim: 1 dim: 3 }
layer { name: "y" type: "Eltwise" bottom: "a" bottom: "b" top: "y" }
layer { name: "z" type: "ReLU" bottom: "y" top: "z" }
layer { name: "w" type: "Power" bottom: "y" top: "w" power_param { scale: 2 } }
"""


def write_net(folder: Path, text: str = IMAGES, name: str = "deploy") -> None:
    """Write a net with seeded random weights, as Caffe's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.prototxt"
    path.write_text(text)
    api.save(random_weights(api.load(path)), folder, name)


def write_config(folder: Path, **fields: object) -> None:
    """Write a model's `model.json`."""
    (folder / "model.json").write_text(json.dumps(fields))
