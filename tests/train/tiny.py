"""A training that takes a second: images in two classes, a net with BatchNorm and Dropout, a solver."""

import cv2
import numpy as np

from tests.cli.caffe_files import PROTOTXT

SIDE = 12
SOLVER = """
net: "small.prototxt"  type: "Nesterov"  base_lr: 0.05  momentum: 0.9  weight_decay: 0.001
lr_policy: "onecycle"  random_seed: 3  average_loss: 3  test_initialization: false
xdn_param { data: "%s" epochs: 4 batch_size: 8 pad: 2 pad_mode: REFLECT mirror: true low_momentum: 0.8 }
"""


def write_images(folder, count=20):
    """Write PNGs of a dark and a light class, `count` each."""
    rng = np.random.default_rng(1)
    for label, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = rng.integers(0, 156, (SIDE, SIDE, 3), np.uint8) + np.uint8(100 * label)
            (folder / name / f"{number:03}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return folder


def write_training(folder, text=SOLVER, net=PROTOTXT):
    """Write images, net and solver into `folder`; return the solver's path."""
    images = write_images(folder / "images")
    (folder / "small.prototxt").write_text(net)
    path = folder / "solver.prototxt"
    path.write_text(text % images if "%s" in text else text)
    return path


class Watched:
    """Remembers what a trainer tells, and does something at an iteration."""

    def __init__(self, at=None, action=None):
        self.losses, self.rows, self._at, self._action = [], [], at, action

    def advanced(self, iteration, total, loss):
        self.losses.append(loss)
        if iteration == self._at:
            self._action()

    def logged(self, row):
        self.rows.append(row)
