"""Whole nets of kinds that have more than convolutions, calibrated: integers throughout, and the references' bits."""

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import batches_of, fused, instruments_for
from xdn.element import REAL
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers.quantize import Quantize
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.runtime.parts import NetPart
from xdn.runtime.session import Session


def normal(name, bottom):
    """Return BatchNorm and Scale."""
    return [layer("BatchNorm", f"{name}/bn", [bottom]), layer("Scale", name, [f"{name}/bn"], bias_term=True)]


def end(bottom):
    """Return an average, a classifier, and its probabilities."""
    return [
        layer("Pooling", "average", [bottom], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["average"], num_output=10),
        layer("Softmax", "prob", ["fc"]),
    ]


def mobilenet_v3():
    """Return a stem whose hard swish is spelt out, and a block with squeeze-and-excitation and a residual."""
    return net_of(
        data(1, 3, 16, 16),
        conv("conv", "data", 8, 3, stride=2, pad=1),
        *normal("normal", "conv"),
        layer("Power", "plus", ["normal"], shift=3.0),
        layer("ReLU6", "clip", ["plus"]),
        layer("Power", "sixth", ["clip"], scale=1 / 6),
        layer("Eltwise", "stem", ["normal", "sixth"], operation="PROD"),
        conv("grow", "stem", 18),
        layer("HSwish", "grow/hs", ["grow"]),
        conv("depthwise", "grow/hs", 18, 5, pad=2, group=18),
        layer("HSwish", "depthwise/hs", ["depthwise"]),
        layer("Pooling", "squeeze", ["depthwise/hs"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc1", ["squeeze"], num_output=6),
        layer("ReLU", "fc1/relu", ["fc1"]),
        layer("InnerProduct", "fc2", ["fc1/relu"], num_output=18),
        layer("HSigmoid", "factor", ["fc2"]),
        layer("Scale", "excite", ["depthwise/hs", "factor"], axis=0),
        conv("shrink", "excite", 8),
        layer("Eltwise", "sum", ["shrink", "stem"]),
        conv("last", "sum", 24),
        layer("HSwish", "last/hs", ["last"]),
        *end("last/hs"),
    )


def efficientnet():
    """Return the same idea with Swish, a Sigmoid after convolutions, and Axpy for scale and residual in one."""
    return net_of(
        data(1, 3, 16, 16),
        conv("conv", "data", 10, 3, stride=2, pad=1),
        layer("Swish", "stem", ["conv"]),
        conv("inner", "stem", 10, 3, pad=1),
        layer("Pooling", "squeeze", ["inner"], pool="AVE", global_pooling=True),
        conv("down", "squeeze", 4),
        layer("Swish", "down/swish", ["down"]),
        conv("up", "down/swish", 10),
        layer("Sigmoid", "factor", ["up"]),
        layer("Axpy", "excited", ["factor", "inner", "stem"]),
        layer("ReLU", "excited/relu", ["excited"]),
        *end("excited/relu"),
    )


def densenet():
    """Return a block of three, in which all that was before is read again, scaled each time."""
    layers, last = [data(1, 3, 12, 12), conv("stem", "data", 6, 3, pad=1)], "stem"
    for number in range(3):
        layers += normal(f"normal{number}", last)
        layers += [
            layer("ReLU", f"relu{number}", [f"normal{number}"]),
            conv(f"conv{number}", f"relu{number}", 5, 3, pad=1),
        ]
        layers.append(layer("Concat", f"cat{number}", [last, f"conv{number}"]))
        last = f"cat{number}"
    return net_of(*layers, *normal("normal", last), layer("ReLU", "relu", ["normal"]), *end("relu"))


def bottlenecks():
    """Return a stem and two blocks of ResNet-50's kind, with channels that fill tiles and a stride between them."""
    layers, last = (
        [data(1, 3, 8, 8), conv("stem", "data", 32, 3, pad=1), layer("ReLU", "stem/relu", ["stem"])],
        "stem/relu",
    )
    for name, stride in (("a", 1), ("b", 2)):
        layers += [
            conv(f"{name}/1", last, 32, stride=stride),
            layer("ReLU", f"{name}/1/relu", [f"{name}/1"]),
            conv(f"{name}/2", f"{name}/1/relu", 32, 3, pad=1),
            layer("ReLU", f"{name}/2/relu", [f"{name}/2"]),
            conv(f"{name}/3", f"{name}/2/relu", 80),
            conv(f"{name}/projection", last, 80, stride=stride),
            layer("Eltwise", f"{name}/sum", [f"{name}/3", f"{name}/projection"]),
            layer("ReLU", name, [f"{name}/sum"]),
        ]
        last = name
    return net_of(*layers, *end(last))


def segmentation():
    """Return two sizes of a map that are brought to one, one of them by repeating positions."""
    return net_of(
        data(1, 3, 9, 9),
        conv("large", "data", 6, 3, pad=1),
        layer("ReLU", "large/relu", ["large"]),
        conv("small", "large/relu", 6, 3, pad=1, stride=2),
        layer("ELU", "small/elu", ["small"]),
        layer("Interp", "grown", ["small/elu"], height=9, width=9),
        layer("Eltwise", "sum", ["grown", "large/relu"]),
        conv("mixed", "sum", 6, 3, pad=1, stride=2),
        layer("TanH", "mixed/tanh", ["mixed"]),
        layer("Upsample", "repeated", ["mixed/tanh"], scale=2),
        conv("classes", "repeated", 5),
        *end("classes"),
    )


@pytest.mark.parametrize("make", [mobilenet_v3, efficientnet, densenet, segmentation])
def test_blobs_are_integers_from_end_to_end(make):
    """Only pixels are quantized by themselves, and only the classifier's values are f32."""
    net = fused(make())
    found = calibrate(net, CalibrationConfig(), instruments_for(net))
    stored = apply_stages(found.net, stage_names(POST_FUSION))
    made = [each.bottoms for each in stored.layers if isinstance(each.params, Quantize)]
    assert made == [("data",)]
    assert [name for name, blob in stored.blobs.items() if blob.element == REAL] == ["data", "fc", "prob"]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("make", [mobilenet_v3, efficientnet, densenet, segmentation])
def test_sessions_give_the_bits_of_the_references(make, schedule):
    net = fused(make())
    net = calibrate(net, CalibrationConfig(), instruments_for(net)).net.replace(outputs=("fc",))
    (feed,) = batches_of(net, images=35, at_once=35, seed=3)()
    session = Session(apply_stages(net, stage_names(POST_FUSION)), schedule=schedule, threads=2)
    assert all(isinstance(part, NetPart) for part in session.parts)
    (found,) = session.run(None, feed)
    np.testing.assert_array_equal(found, net.with_batch(35).forward(feed)["fc"])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_tiles_give_the_bits_of_the_references(emulated, schedule):
    """Most convolutions are computed by them; the stem, with three channels, stays with dot products."""
    net = fused(bottlenecks())
    net = calibrate(net, CalibrationConfig(), instruments_for(net)).net.replace(outputs=("fc",))
    (feed,) = batches_of(net, images=35, at_once=35, seed=3)()
    session = Session(apply_stages(net, stage_names(POST_FUSION)), schedule=schedule, threads=2)
    (found,) = session.run(None, feed)
    np.testing.assert_array_equal(found, net.with_batch(35).forward(feed)["fc"])
    taken = {item.layer.name for item in _placed_on_tiles(session.plan())}
    assert {"a/1", "a/2", "b/1", "b/2"} <= taken
    assert "stem" not in taken


def _placed_on_tiles(plan):
    """Return the layers of a plan whose kernels multiply tiles."""
    return [
        item
        for item in plan.layers
        if any("tiles" in step.source.name.op for step in plan.steps[item.first : item.end])
    ]
