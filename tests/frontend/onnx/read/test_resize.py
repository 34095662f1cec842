import numpy as np
import pytest

from tests.frontend.onnx.read.onnx_models import check_node, check_refused, i64, one_node
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of

NO_REGION = np.zeros(0, np.float32)
#: Layers that mix the positions of the last axis but one, and of the last.
MIXED = ["Permute", "InnerProduct", "Permute", "InnerProduct"]
#: What gives the output its name.
NAMED = ["Split"]


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


@pytest.mark.parametrize(
    ("attributes", "layers"),
    [
        ({"mode": "nearest", "coordinate_transformation_mode": "half_pixel"}, ["Take", "Take"]),
        ({"mode": "linear", "coordinate_transformation_mode": "asymmetric"}, MIXED),
        ({"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}, MIXED),
        ({"mode": "cubic", "antialias": 1, "opset": 18}, MIXED),
        ({"mode": "linear", "antialias": 1, "opset": 18}, MIXED),
    ],
)
def test_any_places(attributes, layers):
    """Fewer rows, more columns."""
    assert check_node("Resize", (2, 3, 9, 4), _sizes(2, 3, 5, 7), batches=(), **attributes) == layers + NAMED


def test_channels_and_lines():
    assert check_node("Resize", (2, 4, 6), _scales(1, 0.5, 2), mode="linear") == MIXED + NAMED


def test_positions_outside_have_a_value():
    constants = {"region": np.float32([0, 0, -0.2, 0.3, 1, 1, 0.7, 1.4]), "none": NO_REGION, "sizes": i64(2, 3, 5, 6)}
    attributes = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 2.5}
    found = check_node("Resize", (2, 3, 4, 5), constants, batches=(), mode="linear", **attributes)
    assert found == ["Power", *MIXED, "Power", *NAMED]


def test_what_is_refused():
    check_refused("Resize", (2, 3, 4, 4), _scales(2, 1, 2, 2), mode="nearest", reason="along the batch")
    check_refused("Resize", (2, 3, 4, 4), _scales(1, 1, 2, 3), mode="round", reason="its mode is round")
    places = {"coordinate_transformation_mode": "elsewhere"}
    check_refused("Resize", (2, 3, 4, 4), _scales(1, 1, 2, 3), **places, reason="its positions are elsewhere")


def test_too_many_positions():
    with pytest.raises(ShapeError, match="factors"):
        net_of(one_node("Resize", (2, 3, 4, 4), _scales(1, 1, 1, 3e38)), "model")
    with pytest.raises(ShapeError, match="too long"):
        net_of(one_node("Resize", (2, 3, 4, 4), _sizes(2, 3, 4, 1 << 40)), "model")
