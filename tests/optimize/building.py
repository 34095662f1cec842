"""Small nets for the tests of stages, built layer by layer."""

from dataclasses import fields

import numpy as np

from xdn.graph import Layer, Net
from xdn.layers import LAYERS
from xdn.optimize.check import reference, seeded_batch
from xdn.optimize.stage import STAGES
from xdn.registry import Registry

REPEATED = ("kernel_size", "pad", "stride", "coeff")


def layer(type_name, name, bottoms=(), tops=None, *, shared=(), weights=None, **params):
    """Return a layer; its top is called as the layer where none is given."""
    given = LAYERS[type_name]
    known = {f.name: f for f in fields(given)}
    for key in REPEATED:
        if key in params and "tuple" in str(known[key].type) and not isinstance(params[key], tuple):
            params[key] = (params[key],)
    return Layer(name, given(**params), tuple(bottoms), tuple(tops or (name,)), weights or {}, tuple(shared))


def data(*shape, name="data", **params):
    """Return an Input layer."""
    return layer("Input", name, shape=(tuple(shape),), **params)


def conv(name, bottom, num_output, kernel=1, **params):
    """Return a convolution."""
    return layer("Convolution", name, [bottom], num_output=num_output, kernel_size=kernel, **params)


def net_of(*layers, outputs=(), seed=1, weights=True):
    """Return a net with random weights for all layers that have none; layers that share by name get the same."""
    net = Net("test", tuple(layers), tuple(outputs))
    if not weights:
        return net
    rng = np.random.default_rng(seed)
    shared = {}
    filled = []
    for each in net.layers:
        made = dict(each.weights)
        for i, (name, shape) in enumerate(net.weight_shapes(each).items()):
            key = each.shared[i] if i < len(each.shared) else ""
            array = shared.get(key) if key else None
            if name not in made:
                made[name] = _random(rng, each.type, name, shape) if array is None else array
            if key:
                shared[key] = made[name]
        filled.append(each.replace(weights=made))
    return net.replace(layers=tuple(filled))


def _random(rng, type_name, name, shape):
    if name == "variance":
        values = rng.uniform(0.5, 2.0, shape)
    elif name == "scale_factor":
        values = np.full(shape, 0.75)
    elif name == "weight":
        values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    elif name == "scale":
        values = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
    else:
        values = rng.standard_normal(shape) * 0.3
    return np.asarray(values, np.float32)


def names(net):
    """Return the names of the net's layers, inputs left out."""
    return [each.name for each in net.layers if not each.params.is_input]


def register_stage(monkeypatch, stage, *modules):
    """Let the pipeline, and the `modules` named, know a stage by its class's name, for one test."""
    known = Registry(STAGES.kind)
    for name, each in (*STAGES.items(), (stage.__name__.lower(), stage)):
        known.register(name)(each)
    for module in ("xdn.optimize.pipeline", *modules):
        monkeypatch.setattr(f"{module}.STAGES", known)


def outputs(net, batch=None):
    """Return what the net's outputs are on the seeded batch."""
    values = reference(net, batch or seeded_batch(net))
    return {name: values[name] for name in net.outputs}


def assert_same_outputs(before, after, rtol=1e-5):
    """Check that two nets give the same outputs, relative to the largest value of each."""
    expected, found = outputs(before), outputs(after, seeded_batch(before))
    assert list(expected) == list(found)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=rtol * np.abs(values).max())


def assert_settled(stage, net):
    """Check that a second run of a stage changes nothing."""
    again = stage().apply(net)
    assert again.changes == ()
    assert again.net is net
