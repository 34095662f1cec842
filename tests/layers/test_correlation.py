"""Correlation against plain loops over padded images."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.correlation import Correlation


def naive(params, first, second, pads, margins, moves):
    """Return the top by loops, as the definition of the kernel has it; further out than the padding are zeros, too."""
    k, stride, c = params.kernel_size, params.stride_1, first.shape[1]
    each = zip(first.shape[2:], pads, margins, strict=True)
    room = [size + 2 * pad - 2 * margin - (k - 1) for size, pad, margin in each]
    out = 8
    border = ((0, 0), (0, 0), (pads[0] + out,) * 2, (pads[1] + out,) * 2)
    first, second = (np.pad(images.astype(np.float64), border) for images in (first, second))
    p, q = (int(np.ceil(each / stride)) for each in room)
    top = np.zeros((len(first), len(moves), p, q))
    for channel, (down, right) in enumerate(moves):
        for i, j in np.ndindex(p, q):
            y, x = i * stride + margins[0] + out, j * stride + margins[1] + out
            ours = first[:, :, y : y + k, x : x + k]
            theirs = second[:, :, y + down : y + down + k, x + right : x + right + k]
            alike = ours * theirs if params.correlation_type == "MULTIPLY" else np.abs(ours - theirs)
            top[:, channel, i, j] = alike.sum(axis=(1, 2, 3)) / (k * k * c)
    return top


@pytest.mark.parametrize("kind", ["MULTIPLY", "SUBTRACT"])
@pytest.mark.parametrize(
    ("pad", "kernel", "reach", "stride_1", "stride_2"),
    [(4, 1, 4, 1, 2), (3, 3, 2, 2, 1), (0, 1, 1, 1, 1), (5, 3, 3, 3, 2)],
)
def test_reference(rng, kind, pad, kernel, reach, stride_1, stride_2):
    params = Correlation(
        pad=pad,
        kernel_size=kernel,
        max_displacement=reach,
        stride_1=stride_1,
        stride_2=stride_2,
        correlation_type=kind,
    )
    images = [normal(rng, 2, 3, 7, 6), normal(rng, 2, 3, 7, 6)]
    steps = range(-(reach // stride_2) * stride_2, reach + 1, stride_2)
    moves = [(down, right) for down in steps for right in steps]
    expected = naive(params, *images, (pad, pad), (reach, reach), moves)
    check_layer(params, images, expected, roundings=64, magnitude=4)
    (top,) = params.infer([Blob(x.shape) for x in images], 1)
    assert params.macs([Blob(x.shape) for x in images], (top,)) == top.size * 3 * kernel**2


def test_flownets_own():
    """FlowNetC's layer: 441 displacements of maps that keep their size."""
    params = Correlation(pad=20, kernel_size=1, max_displacement=20, stride_1=1, stride_2=2)
    assert params.infer([Blob((1, 256, 48, 64))] * 2, 1) == (Blob((1, 441, 48, 64)),)


def test_by_hand():
    first, second = (np.array(each, np.float32).reshape(1, 1, 1, 3) for each in ([1, 2, 3], [4, 5, 6]))
    (top,) = compute(Correlation(pad=1, kernel_size=1, max_displacement=1), [first, second])
    assert top.shape == (1, 9, 1, 3)
    assert top[0, 3:6, 0].tolist() == [[0, 8, 15], [4, 10, 18], [5, 12, 0]]
    assert not top[0, [0, 1, 2, 6, 7, 8]].any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel_size": 2}, "kernel_size 2; it is odd"),
        ({}, "kernel_size 0; it is odd"),
        ({"kernel_size": 1, "stride_1": 0}, "stride_1 0"),
        ({"kernel_size": 1, "stride_2": 0}, "stride_2 0"),
        ({"kernel_size": 3, "max_displacement": 2}, "do not fit into 4 with padding 0"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        Correlation(**fields).infer([Blob((1, 2, 4, 4))] * 2, 1)
    with pytest.raises(ShapeError, match="two of one shape"):
        Correlation(kernel_size=1).infer([Blob((1, 2, 4, 4)), Blob((1, 2, 4, 5))], 1)
