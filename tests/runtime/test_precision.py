"""Precisions: which algorithms a session takes for a whole net, what that changes, and what is refused."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

import xdn
from tests.codegen.kernels import python
from tests.kernels.checks import feed_for, input_layer, make_params, random_weights
from xdn.codegen.target import host_target, target_named
from xdn.element import BF16 as BF16_BITS
from xdn.errors import SettingError, UnknownNameError
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.choice import BF16, BF16X3, F32, FMA
from xdn.kernels.core.layout import CHANNEL, SCHEDULES
from xdn.kernels.core.parts import parts_name
from xdn.layers.relu import ReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu import backend, plan
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session

IMAGES = 35


def tiled_net():
    """Return a small net most of whose layers tiles compute, two of them with one bottom, which others read, too."""
    relu = Epilogue(activation=ReLU())
    wide, point = {"num_output": 64, "kernel_size": 5, "pad": 2}, {"num_output": 64, "kernel_size": 1}
    layers = (
        input_layer("x", 3, 9, 8),
        Layer("conv", make_params("Convolution", num_output=48, kernel_size=3), ("x",), ("conv",), epilogue=relu),
        Layer("wide", make_params("Convolution", **wide), ("conv",), ("wide",), epilogue=relu),
        Layer("point", make_params("Convolution", **point), ("conv", "wide"), ("point",), epilogue=Epilogue(True)),
        Layer("pool", make_params("Pooling", kernel_size=2, stride=2), ("conv",), ("pool",)),
        Layer("fc", make_params("InnerProduct", num_output=40), ("point",), ("fc",)),
        Layer("prob", make_params("Softmax"), ("fc",), ("prob",)),
    )
    net = random_weights(Net("tiled", layers, ("fc", "pool", "prob")), np.random.default_rng(5))
    # Values neither grow nor vanish on their way.
    scaled = [
        layer.replace(weights={name: w / np.float32(np.sqrt(w[0].size)) for name, w in layer.weights.items()})
        for layer in net.layers
    ]
    return net.replace(layers=tuple(scaled))


NET = tiled_net()
FEED = feed_for(NET, IMAGES)
TILED = {"wide", "point", "fc"}


def _tiled_layers(session):
    """Return the layers of a session's plan that tiles compute."""
    made = session.plan()
    return {
        item.layer.name
        for item in made.layers
        if any("tiles_x" in step.source.name.op for step in made.steps[item.first : item.end])
    }


def results_as_text(**given):
    """Return all bits of the outputs, as a digest for each."""
    return " ".join(hashlib.sha256(y.tobytes()).hexdigest()[:16] for y in Session(NET, **given).run(None, FEED))


def _exact():
    """Return the outputs in f64."""
    blobs = {"x": FEED["x"].astype(np.float64)}
    for layer in NET.layers[1:]:
        weights = {name: w.astype(np.float64) for name, w in layer.weights.items()}
        (y,) = layer.params.reference([blobs[layer.bottoms[0]]], weights, 1)
        if layer.epilogue and layer.epilogue.residual:
            y = y + blobs[layer.bottoms[1]]
        blobs[layer.tops[0]] = np.maximum(y, 0) if layer.epilogue and layer.epilogue.activation else y
    return [blobs[name] for name in NET.outputs]


@pytest.mark.parametrize(("precision", "allowed"), [(F32, 2e-6), (BF16X3, 2e-4)])
def test_a_whole_net(emulated, precision, allowed):
    """One result in both schedules, with any threads; each layer errs by some roundings of its largest value."""
    first = None
    for schedule in SCHEDULES:
        for threads in (1, 2):
            session = Session(NET, schedule=schedule, threads=threads, precision=precision)
            results = session.run(None, FEED)
            assert _tiled_layers(session) == TILED
            first = first or results
            for one, other in zip(results, first, strict=True):
                np.testing.assert_array_equal(one, other)
    for result, exact in zip(first, _exact(), strict=True):
        assert np.abs(result - exact).max() <= allowed * max(1, np.abs(exact).max())


def test_parts_are_made_once_for_all_readers(emulated):
    shapes = {name: blob.shape[1:] for name, blob in NET.inputs.items()}
    for schedule in SCHEDULES.values():
        made = make_plan(NET, shapes, NET.outputs, schedule=schedule)
        split = [step.blobs[1] for step in made.steps if "split" in step.source.name.op]
        assert split == [parts_name("conv"), parts_name("point")]
        layout = made.layouts[parts_name("conv")]
        assert layout.border == ((2, 2, 2, 2) if schedule is CHANNEL else (0, 0, 0, 0))
        assert made.arena.size >= layout.block_bytes


def test_fma_gives_the_bits_of_a_processor_without_tiles(emulated, monkeypatch):
    session = Session(NET, precision=FMA)
    assert not _tiled_layers(session)
    found = results_as_text(precision=FMA)
    for module, name in ((plan, "host_target"), (backend, "host_target"), (backend, "this_target")):
        monkeypatch.setattr(module, name, lambda: target_named("avx512f"))
    assert results_as_text(precision=FMA) == found


def test_the_emulated_unit_is_a_target_of_its_own(emulated):
    """A process that is asked for it makes kernels for it, and gives the bits that this one's emulation gives."""
    code = "from tests.runtime.test_precision import results_as_text; print(results_as_text())"
    assert python(code, XDN_TARGET="amx-emulated") == results_as_text()


@pytest.mark.skipif(host_target().tiles is not None, reason="the processor has a tile unit")
def test_three_products_need_a_tile_unit():
    with pytest.raises(
        SettingError, match=r"precision: bf16x3 is computed by a tile unit .*Leave the precision at f32"
    ):
        Session(NET, precision=BF16X3).run(None, FEED)


@pytest.fixture(params=["pairs", "tiles"])
def multiplied(request, monkeypatch):
    """Let sessions make plans for a processor that multiplies pairs of bf16, or tiles; emulated where it does not."""
    if request.param == "tiles":
        return request.getfixturevalue("emulated")
    target = replace(host_target(), tiles=None, tiles_integers=False)
    monkeypatch.setattr(plan, "_require_precision", lambda *_: None)
    for module, name in ((plan, "host_target"), (backend, "host_target"), (backend, "this_target")):
        monkeypatch.setattr(module, name, lambda: target)
    return target


def test_bf16_gives_one_result(multiplied):
    """In both schedules, with any threads, whatever the images of a call; it is near that of f32."""
    results = []
    for schedule in SCHEDULES:
        for threads, at_once in ((1, IMAGES), (2, IMAGES), (2, 7)):
            session = xdn.Session(NET, schedule=schedule, threads=threads, precision=BF16)
            parts = [
                session.run(None, {name: x[first : first + at_once] for name, x in FEED.items()})
                for first in range(0, IMAGES, at_once)
            ]
            results.append([np.concatenate(each) for each in zip(*parts, strict=True)])
    assert {each.name for each in session.net.layers if each.reads_bf16} == {"conv", "wide", "point", "fc"}
    for each in results[1:]:
        for one, other in zip(each, results[0], strict=True):
            np.testing.assert_array_equal(one, other)
    for result, exact in zip(results[0], _exact(), strict=True):
        error = np.abs(result - exact).max()
        # Four layers in a row, each of which rounds what it multiplies and gives.
        assert 2.0**-14 * np.abs(exact).max() < error < 2.0**-4 * max(1, np.abs(exact).max())


def test_every_layer_in_bf16_computes_what_its_reference_does(multiplied):
    """Of the bottoms that it was given; a blob in bf16 may differ in its last bit."""
    for schedule in SCHEDULES:
        session = xdn.Session(NET, schedule=schedule, threads=2, precision=BF16)
        layers = [each for each in session.net.layers if not each.params.is_input]
        names = [name for each in layers for name in each.tops]
        found = FEED | dict(zip(names, session.run(names, FEED), strict=True))
        for layer in layers:
            (expected,) = layer.forward([found[name] for name in layer.bottoms])
            top = found[layer.tops[0]]
            assert top.dtype == expected.dtype
            stored = top.dtype == BF16_BITS.numpy
            known, given = (BF16_BITS.loaded(x) if stored else x for x in (expected, top))
            allowed = 2.0**-7 * np.abs(known) if stored else 0
            assert (np.abs(given - known) <= allowed + 2e-6 * np.abs(known).max()).all(), layer.place


@pytest.mark.parametrize("name", ["avx2", "portable", "neon"])
def test_bf16_needs_a_unit_that_multiplies_it(name):
    shapes = {name: blob.shape[1:] for name, blob in NET.inputs.items()}
    asked = {"configuration": Configuration(precision=BF16), "target": target_named(name)}
    with pytest.raises(SettingError, match=rf"precision: bf16 is computed by .*AVX512-BF16\), which {name} does not"):
        make_plan(NET, shapes, NET.outputs, **asked)


def test_an_unknown_precision_is_refused():
    with pytest.raises(UnknownNameError, match=r"unknown precision 'bf17'\. Known: f32, fma, bf16x3, bf16"):
        Configuration(precision="bf17")


def test_memory_counts_parts(emulated, monkeypatch):
    """What is refused for want of memory counts them before any is taken."""
    told = []
    monkeypatch.setattr(plan.memory, "require", lambda needs, what, mend: told.extend(needs))
    shapes = {name: blob.shape[1:] for name, blob in NET.inputs.items()}
    made = make_plan(NET, shapes, NET.outputs, schedule=CHANNEL)
    sizes = [need.size for need in told if "'conv'" in need.where]
    assert made.layouts["conv"].block_bytes + made.layouts[parts_name("conv")].block_bytes in sizes
