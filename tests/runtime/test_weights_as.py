"""Weights of half the size: the results are those of f32 on the rounded weights, bit for bit."""

import numpy as np
import pytest

from tests.kernels.checks import Epilogue, feed_for, one_layer_net
from xdn.element import WEIGHT_ELEMENTS
from xdn.errors import UnknownNameError, WeightsError
from xdn.kernels.core.choice import FMA, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import choices_of
from xdn.runtime.session import Session

HALF = [element for element in WEIGHT_ELEMENTS.values() if element.bytes == 2]
#: Each way a weight is contracted: with and without sums over borders, groups within and across vectors, two sources.
NETS = {
    "pointwise": ("Convolution", (37, 9, 5), {"num_output": 29, "kernel_size": 1}),
    "borders": ("Convolution", (5, 9, 7), {"num_output": 40, "kernel_size": 5, "pad": 2, "stride": 2}),
    "winograd": ("Convolution", (32, 12, 12), {"num_output": 32, "kernel_size": 3, "pad": 1}),
    "groups": ("Convolution", (12, 6, 6), {"num_output": 12, "kernel_size": 3, "group": 4}),
    "deconvolution": ("Deconvolution", (6, 5, 4), {"num_output": 9, "kernel_size": 3, "stride": 2}),
    "inner product": ("InnerProduct", (7, 3, 3), {"num_output": 21}),
    "transposed": ("InnerProduct", (24, 1, 1), {"num_output": 10, "transpose": True}),
    "fused": ("Convolution", (20, 6, 6), {"num_output": 20, "kernel_size": 1, "epilogue": Epilogue(True, ReLU())}),
    "prelu": ("Convolution", (20, 6, 6), {"num_output": 20, "kernel_size": 1, "epilogue": Epilogue(False, PReLU())}),
}


def changed(net, change):
    """Return the net with `change` of the weights that are contracted."""
    layer = net.layers[-1]
    weights = {name: change(w) if name.endswith("weight") else w for name, w in layer.weights.items()}
    return net.replace(layers=(*net.layers[:-1], layer.replace(weights=weights)))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("element", HALF, ids=lambda element: element.name)
@pytest.mark.parametrize("name", NETS)
def test_results_are_those_of_the_rounded_weights(name, element, schedule):
    type_name, shape, params = NETS[name]
    net = one_layer_net(type_name, shape, **params)
    feed = feed_for(net, 5)
    (found,) = Session(net, schedule=schedule, weights_as=element.name).run(None, feed)
    (expected,) = Session(changed(net, element.rounded), schedule=schedule).run(None, feed)
    np.testing.assert_array_equal(found, expected)
    (exact,) = Session(net, schedule=schedule).run(None, feed)
    assert (found != exact).any()


@pytest.mark.parametrize("element", HALF, ids=lambda element: element.name)
def test_half_as_much_is_kept(element):
    net = one_layer_net("InnerProduct", (512, 2, 2), num_output=512)
    kept = {}
    for weights_as in ("f32", element.name):
        session = Session(net, weights_as=weights_as, precision=FMA)
        session.run(None, feed_for(net, 1))
        (plan,) = session.plans()
        kept[weights_as] = sum(array.nbytes for step in plan.steps for array in step.keep)
        assert any(f"x{weights_as}_" in str(step.source.name) for step in plan.steps) == (weights_as != "f32")
    weight_bytes = net.layers[-1].weights["weight"].nbytes
    assert kept["f32"] - kept[element.name] == weight_bytes // 2


@pytest.mark.parametrize(
    ("element", "value", "fits"), [("f16", 65504, True), ("f16", 65600, False), ("bf16", 1e38, True)]
)
@pytest.mark.parametrize("params", [{"kernel_size": 1}, {"kernel_size": 3, "pad": 1}], ids=["direct", "winograd"])
def test_weights_beyond_the_range_are_refused_by_layer(element, value, fits, params):
    net = one_layer_net("Convolution", (32, 12, 12), num_output=32, **params)
    net = changed(net, lambda weight: np.where(weight == weight.min(), np.float32(-value), weight))
    session, feed = Session(net, weights_as=element), feed_for(net, 1)
    if fits:
        session.run(None, feed)
    else:
        with pytest.raises(WeightsError, match=r"layer 'layer' \(Convolution\).*65600.*range of f16.*bf16"):
            session.run(None, feed)


def test_infinities_and_nan_stay():
    net = one_layer_net("InnerProduct", (3, 1, 1), num_output=2, bias_term=False)
    net = changed(net, lambda weight: np.float32([[np.inf, 0, 0], [np.nan, 0, 0]]))
    (found,) = Session(net, weights_as="f16").run(None, {"x0": np.ones((1, 3, 1, 1), np.float32)})
    np.testing.assert_array_equal(found.ravel(), [np.inf, np.nan])


def test_no_other_format_is_taken():
    with pytest.raises(UnknownNameError, match=r"weights cannot be stored as 's8'.*f32, bf16, f16"):
        Configuration(weights_as="s8")


def test_a_configuration_says_it():
    configuration = Configuration(weights_as="bf16")
    assert configuration.document() == {"weights_as": "bf16"}
    assert Configuration.of({"weights_as": "bf16"}) == configuration


def test_blas_takes_no_other_weights():
    net = one_layer_net("InnerProduct", (16, 1, 1), num_output=8)
    asked = {}
    for weights_as in ("f32", "bf16"):
        configuration = Configuration(weights_as=weights_as)
        choices = choices_of(net, {"x0": (16, 1, 1)}, net.outputs, SCHEDULES["channel"], configuration)
        asked[weights_as] = Choice("blas") in choices["layer"]
    assert asked == {"f32": True, "bf16": False}
