"""Depthwise convolution against the references."""

import numpy as np
import pytest

from tests.kernels.checks import B, activated, check_layer, covering, feed_for, one_layer_net, sums
from xdn.graph import Epilogue
from xdn.kernels.core import family
from xdn.kernels.core.family import FAMILIES
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.window import Window
from xdn.runtime.session import Session

MATRIX = covering(
    4,
    lambda row: all(s + 2 * p >= row["kernel"] for s, p in zip(row["size"], (row["pad"],) * 2, strict=True)),
    channels=(1, 3, 10, 13, 37, 64),
    size=((1, 1), (2, 3), (7, 5)),
    kernel=(1, 3, 5),
    stride=(1, 2),
    pad=(0, 1, 2),
    epilogue=(
        None,
        Epilogue(activation=ReLU()),
        Epilogue(residual=True),
        Epilogue(True, ReLU(negative_slope=0.2)),
        Epilogue(True, PReLU()),
        Epilogue(activation=Sigmoid()),
    ),
    bias=(True, False),
    batch=(1, B // 2 + 1, B + 1),
)


@pytest.mark.parametrize("row", MATRIX, ids=lambda r: "-".join(str(v).replace(" ", "") for v in r.values()))
def test_matrix(row):
    check_layer(
        "Convolution",
        (row["channels"], *row["size"]),
        allowed=activated,
        epilogue=row["epilogue"],
        batch=row["batch"],
        num_output=row["channels"],
        group=row["channels"],
        kernel_size=row["kernel"],
        stride=row["stride"],
        pad=row["pad"],
        bias_term=row["bias"],
    )


def test_dilation():
    window = Window((3, 3), dilation=(2, 3))
    assert window.output_size((7, 9)) == (3, 3)
    check_layer("Convolution", (6, 7, 9), allowed=sums, num_output=6, group=6, kernel_size=3, dilation=(2, 3))


def test_equals_the_contraction_bit_for_bit(monkeypatch):
    """Both are one chain of multiply-adds from the bias on, taps in the same order."""
    net = one_layer_net("Convolution", (10, 5, 4), num_output=10, group=10, kernel_size=3, pad=1)
    feed = feed_for(net)
    (depthwise,) = Session(net).run(None, feed)
    monkeypatch.setattr(family, "_families_for", lambda type_name: (FAMILIES["contract"], FAMILIES["channel_contract"]))
    (contracted,) = Session(net).run(None, feed)
    np.testing.assert_array_equal(depthwise, contracted)
