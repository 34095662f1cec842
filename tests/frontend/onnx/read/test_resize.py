import numpy as np
import pytest

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, i64

NO_REGION = np.zeros(0, np.float32)


def _scales(*factors):
    return {"region": NO_REGION, "scales": np.float32(factors)}


def _sizes(*extents):
    return {"region": NO_REGION, "none": NO_REGION, "sizes": i64(*extents)}


@pytest.mark.parametrize(
    "attributes",
    [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel"},
    ],
)
def test_positions_that_repeat(attributes):
    assert check_node("Resize", (2, 3, 4, 5), _scales(1, 1, 2, 3), mode="nearest", **attributes) == ["Upsample"]


def test_older_operator_sets_repeat():
    assert check_node("Upsample", (2, 3, 4, 5), {"scales": np.float32([1, 1, 2, 2])}, opset=9) == ["Upsample"]
    assert check_node("Resize", (2, 3, 4, 5), {"scales": np.float32([1, 1, 2, 2])}, opset=10) == ["Upsample"]


@pytest.mark.parametrize(
    ("places", "layer"),
    [("align_corners", "Interp"), ("half_pixel", "DeephiResize"), ("pytorch_half_pixel", "DeephiResize")],
)
@pytest.mark.parametrize("size", [(8, 10), (9, 7), (3, 4)])
def test_interpolation(places, layer, size):
    constants = _sizes(2, 3, *size)
    attributes = {"mode": "linear", "coordinate_transformation_mode": places}
    # The shape that is asked for has a batch, too.
    assert check_node("Resize", (2, 3, 4, 5), constants, batches=(), **attributes) == [layer]


def test_what_is_refused():
    check_refused("Resize", (2, 3, 4, 4), _scales(1, 1, 2, 2), mode="cubic", reason="it is cubic")
    check_refused("Resize", (2, 3, 4, 4), _scales(1, 2, 2, 2), mode="nearest", reason="repeats positions by")
    asymmetric = {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}
    check_refused("Resize", (2, 3, 4, 4), _scales(1, 1, 2, 2), **asymmetric, reason="positions that are asymmetric")
