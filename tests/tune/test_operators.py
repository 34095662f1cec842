"""Which layers are one operator, what can be chosen for them, and how their times are compared."""

from types import SimpleNamespace

import numpy as np
import pytest

import xdn
from tests.kernels.checks import input_layer, make_params, random_weights
from xdn.graph import Layer, Net, Quantized
from xdn.kernels.core.choice import Choice
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session
from xdn.tune.operators import LayerMeter, choice_space, operators_of, with_choices

CHOICES = [
    Choice("direct", (6, 4), "tiles"),
    Choice("direct", (6, 4), "panels"),
    Choice("winograd4", (2, 3)),
    Choice("blas"),
]


def _chain(*filters):
    layers = [input_layer("x", 4, 6, 6)]
    for number, count in enumerate(filters):
        params = make_params("Convolution", num_output=count, kernel_size=3, pad=1)
        layers.append(Layer(f"c{number}", params, layers[-1].tops, (f"c{number}",)))
    layers.append(Layer("relu", make_params("ReLU"), layers[-1].tops, ("relu",)))
    return random_weights(Net("chain", tuple(layers), ("relu",)), np.random.default_rng(0))


def test_the_points_of_a_space_are_the_choices():
    space = choice_space(CHOICES)
    assert [Choice(*point) for point in space] == CHOICES
    assert (("direct", (2, 3), "tiles") in space, ("blas", (6, 4), None) in space) == (False, False)


def test_layers_alike_are_one_operator():
    session = Session(_chain(4, 4, 8, 4), threads=1)
    operators = operators_of(session, session.plan())
    assert [operator.layers for operator in operators] == [("c0", "c1"), ("c2",), ("c3",)]
    assert all(operator.space.size > 1 for operator in operators)


def test_every_layer_of_an_operator_gets_the_choice():
    session = Session(_chain(4, 4, 8), threads=1)
    first, second = operators_of(session, session.plan())
    base = Configuration(2, choices={"batch": {"c2": CHOICES[0]}, "channel": {"c0": CHOICES[3]}})
    found = with_choices(base, "batch", {first: CHOICES[1]})
    assert found.choices["batch"] == {"c0": CHOICES[1], "c1": CHOICES[1], "c2": CHOICES[0]}
    assert found.choices["channel"] == base.choices["channel"]
    assert found.threads == 2
    assert with_choices(found, "batch", {second: CHOICES[2]}).choices["batch"]["c2"] == CHOICES[2]


class _Objective:
    """Runs nothing; a session's layers take what its choices say."""

    call_images = None

    def warm(self, session):
        session.warm = True

    def cost(self, session, share):
        assert session.warm
        return 1.0


def _made(configuration, profile):
    assert profile
    algorithm = {layer: choice.algorithm for layer, choice in configuration.choices.get("batch", {}).items()}
    ms = {name: {"blas": 5.0, "direct": 1.0}.get(algorithm.get(name), 2.0) for name in ("c0", "c1", "c2")}
    layers = [SimpleNamespace(name=name, ms=value) for name, value in ms.items()]
    return SimpleNamespace(profile=lambda peak: SimpleNamespace(layers=layers), close=lambda: None)


def test_times_are_relative_to_the_base():
    session = Session(_chain(4, 4, 8), threads=1)
    first, second = operators_of(session, session.plan())
    meter = LayerMeter(_made, _Objective(), (Configuration(), None))
    tried = with_choices(Configuration(), "batch", {first: Choice("direct"), second: Choice("blas")})
    assert list(meter.ratios(tried, 1.0, [first, second])) == pytest.approx([0.5, 2.5])
    meter.close()


def test_the_base_is_measured_on_as_many_images():
    """A base measured on a ninth of the images says nothing of a run on all."""

    class Shares(_Objective):
        def cost(self, session, share):
            session.share = share
            return super().cost(session, share)

    def made(configuration, profile):
        session = SimpleNamespace(close=lambda: None)
        names = ("c0", "c1", "c2")
        session.profile = lambda peak: SimpleNamespace(
            layers=[SimpleNamespace(name=name, ms=90 * session.share) for name in names]
        )
        return session

    net = Session(_chain(4, 4, 8), threads=1)
    operators = operators_of(net, net.plan())
    meter = LayerMeter(made, Shares(), (Configuration(), None))
    for share in (1 / 9, 1.0, 1.0, 1 / 3):
        assert list(meter.ratios(Configuration(), share, operators)) == pytest.approx([1.0, 1.0])
    meter.close()


def test_layers_that_read_integers_are_not_like_those_that_read_f32():
    net = _chain(4, 4, 4, 4)
    read = Quantized(0.1, signed=True)
    layers = [each.replace(quantized=(read,)) if each.name == "c1" else each for each in net.layers]
    session = xdn.Session(net.replace(layers=tuple(layers)), threads=1)
    operators = operators_of(session, session.plan())
    assert next(each.layers for each in operators if "c0" in each.layers) == ("c0", "c2")
