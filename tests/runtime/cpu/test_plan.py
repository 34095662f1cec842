"""The plan: what runs, in which order, and what is refused before any kernel could go wrong."""

import itertools

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, one_layer_net, random_weights
from xdn import settings
from xdn.errors import ShapeError, UnsupportedError, WeightsError
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan, probe
from xdn.runtime.session import Session


def _shapes(net):
    return {name: blob.shape[1:] for name, blob in net.inputs.items()}


def _plan(net, outputs=None, **options):
    return make_plan(net, _shapes(net), outputs or net.outputs, configuration=Configuration(**options))


def _ops(plan):
    return [step.source.name.op for step in plan.steps]


@pytest.fixture(scope="module")
def net():
    """Return a convolution with two branches after it."""
    layers = (
        input_layer("x", 3, 6, 5),
        Layer("conv", make_params("Convolution", num_output=15, kernel_size=3, pad=1), ("x",), ("conv",)),
        Layer("pool", make_params("Pooling", kernel_size=2, stride=2), ("conv",), ("pool",)),
        Layer("fc", make_params("InnerProduct", num_output=10), ("conv",), ("fc",)),
        Layer("prob", make_params("Softmax"), ("fc",), ("prob",)),
    )
    return random_weights(Net("two branches", layers), np.random.default_rng(2))


def test_order_of_the_steps(net):
    # A layer may be several steps, one for each size of tile.
    once = [op for op, _ in itertools.groupby(_ops(_plan(net, ("pool", "prob"))))]
    assert once == ["load_planes", "contract", "max_pool", "contract", "softmax", "store_planes"]


def test_only_what_an_output_needs_is_run(net):
    assert "softmax" not in _ops(_plan(net, ("pool",)))
    assert "max_pool" not in _ops(_plan(net, ("prob",)))
    assert _ops(_plan(net, ("x",))) == ["load_planes", "store_planes"]


def test_shapes_are_those_of_one_image(net):
    plan = _plan(net, ("prob", "pool"))
    assert dict(plan.inputs) == {"x": (3, 6, 5)}
    assert list(plan.outputs.items()) == [("prob", (10,)), ("pool", (15, 3, 3))]


def test_macs_and_bytes(net):
    plan = _plan(net, ("fc",))
    # 3 taps an axis, but 2 at each of the two borders: (6 * 3 - 2) * (5 * 3 - 2) pairs of position and tap.
    assert plan.macs == 16 * 13 * 3 * 15 + 15 * 6 * 5 * 10
    weights = 4 * (3 * 3 * 3 * 15 + 15 * 6 * 5 * 10)
    packed = {id(array): array.nbytes for step in plan.steps for array in step.keep}
    assert weights <= sum(packed.values()) <= weights + 16384


def test_chunk_is_as_large_as_the_settings_allow(net, monkeypatch):
    one = _plan(net, chunk_blocks=1).arena.size
    assert _plan(net).chunk_blocks == settings.CHUNK_IMAGES // B
    monkeypatch.setattr(settings, "CHUNK_BYTES", 2 * one + 1)
    assert _plan(net).chunk_blocks == 2
    monkeypatch.setattr(settings, "CHUNK_BYTES", 1)
    assert _plan(net).chunk_blocks == 1
    assert _plan(net, chunk_blocks=7).chunk_blocks == 7


def test_every_blob_of_a_step_lies_in_the_arena(net):
    plan = _plan(net, ("prob", "pool"))
    for step in plan.steps:
        for blob in step.blobs.values():
            assert 0 <= plan.offset(blob) < plan.arena.size


def test_digest_names_what_runs(net):
    digest = _plan(net).digest
    assert _plan(net).digest == digest
    assert len({digest, _plan(net, ("pool",)).digest, _plan(net, chunk_blocks=2).digest}) == 3


def test_a_probe_keeps_the_net_and_changes_the_batch(net):
    probed = probe(net, {"x": (3, 8, 8)})
    assert probed.blobs["conv"].shape[2:] == (8, 8)
    assert net.blobs["x"].shape == (1, 3, 6, 5)


@pytest.mark.parametrize(
    ("type_name", "params"),
    [
        ("Flatten", {"axis": 0}),
        ("Reshape", {"shape": (1, -1)}),
        ("Reshape", {"shape": (-1, 3)}),
        ("Concat", {"axis": 0}),
    ],
)
def test_layers_that_mix_images_are_refused_by_name(type_name, params):
    images = [(4, 3)] * (2 if type_name == "Concat" else 1)
    with pytest.raises(UnsupportedError, match=rf"layer 'layer' \({type_name}\).*axis 0 is not the batch"):
        _plan(one_layer_net(type_name, *images, **params))


def test_missing_weights_are_refused():
    net = one_layer_net("Bias", (3,))
    bare = net.replace(layers=(net.layers[0], net.layers[1].replace(weights={})))
    with pytest.raises(WeightsError, match=r"layer 'layer' \(Bias\).*no weights"):
        _plan(bare)


@pytest.mark.parametrize("type_name", ["Convolution", "InnerProduct", "Scale", "Bias", "BatchNorm", "PReLU"])
def test_weights_of_a_wrong_shape_never_reach_a_kernel(type_name):
    params = {"num_output": 4, "kernel_size": 1} if type_name == "Convolution" else {}
    params = {"num_output": 4} if type_name == "InnerProduct" else params
    net = one_layer_net(type_name, (3, 2, 2), **params)
    layer = net.layer("layer")
    name = next(iter(layer.weights))
    wrong = dict(layer.weights) | {name: layer.weights[name][:1]}
    with pytest.raises(WeightsError, match=rf"{name} has the shape"):
        _plan(net.replace(layers=(net.layers[0], layer.replace(weights=wrong))))


def test_another_image_size_never_changes_what_weights_mean():
    """An InnerProduct over another size would need other weights; the old ones would be read as more filters."""
    net = one_layer_net("InnerProduct", (3, 4, 4), num_output=5)
    with pytest.raises(
        WeightsError, match=r"'layer' \(InnerProduct\): weight has the shape \(5, 48\) instead of \(5, 12\)"
    ):
        make_plan(net, {"x0": (3, 2, 2)}, net.outputs)


def test_sizes_that_no_layer_can_take_are_refused(net):
    with pytest.raises(ShapeError, match="layer 'layer'"):
        make_plan(one_layer_net("Convolution", (3, 5, 5), num_output=1, kernel_size=5), {"x0": (3, 4, 4)}, ("y0",))


def test_a_schedule_has_one_plan_for_all_batches(net):
    session = Session(net, threads=1)
    plans = []
    for batch in (1, 2, B // 2, B, 2 * B, 3 * B + 1):
        session.run(None, feed_for(net, batch))
        plans += [plan for plan in session.plans() if not any(plan is known for known in plans)]
    assert [plan.schedule for plan in plans] == [CHANNEL, BATCH]
