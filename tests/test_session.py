"""`xdn.Session`, which fuses what it runs."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, seed, settings

import xdn
from tests.cli.caffe_files import noise, write_small
from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.nets import calibrated_nets
from xdn.errors import InputError
from xdn.graph import Bf16, Quantized
from xdn.instruments import executed
from xdn.kernels.core.choice import Choice
from xdn.optimize import apply_stages
from xdn.optimize.check import reference, run, seeded_batch
from xdn.optimize.execution import check_execution
from xdn.runtime import session as runtime
from xdn.runtime.configuration import Configuration


def test_a_session_fuses_and_computes(tmp_path):
    net, path = write_small(tmp_path)
    session = xdn.Session(path, threads=1)
    assert [each.name for each in session.net.layers if each.epilogue] == []
    session = xdn.Session(xdn.optimize(net).net, threads=1)
    assert [each.name for each in session.net.layers if each.epilogue] == ["conv1", "conv2"]
    images = noise(3, 3, 12, 12)
    (found,) = session.run(None, {"data": images})
    expected = net.with_batch(3).forward({"data": images})["prob"]
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=2e-6)


def test_a_session_without_post_fusion_runs_the_net_as_it_is(tmp_path):
    net, path = write_small(tmp_path)
    session = xdn.Session(path, threads=1, post_fusion=False)
    assert [each.name for each in session.net.layers] == [each.name for each in net.layers]
    images = noise(3, 3, 12, 12)
    (found,) = session.run(None, {"data": images})
    expected = net.with_batch(3).forward({"data": images})["prob"]
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_of_a_session_compute_the_same(tmp_path, copied):
    _, path = write_small(tmp_path)
    choices = {"batch": {"conv1": Choice("direct")}}
    session = xdn.Session(path, threads=2, configuration=Configuration(light_blocks=2, choices=choices), profile=True)
    images = noise(3, 3, 12, 12)
    (expected,) = session.run(None, {"data": images})
    again = copied(session)
    assert type(again) is xdn.Session
    assert (again.configuration, again.net.digest) == (session.configuration, session.net.digest)
    np.testing.assert_array_equal(again.run(None, {"data": images})[0], expected)
    assert again.profile(100.0).layers
    again.close()
    np.testing.assert_array_equal(session.run(None, {"data": images})[0], expected)


def test_a_pickled_session_holds_the_net_only(tmp_path):
    _, path = write_small(tmp_path)
    session = xdn.Session(path, threads=1)
    fresh = len(pickle.dumps(session))
    session.run(None, {"data": noise(3, 3, 12, 12)})
    assert len(pickle.dumps(session)) == fresh


def test_a_session_profiles_what_it_fused(tmp_path):
    net, _ = write_small(tmp_path)
    session = xdn.Session(xdn.optimize(net).net, threads=1, profile=True)
    session.run(None, {"data": noise(3, 3, 12, 12)})
    kernels = {row.name: row.kernels for row in session.profile(100.0).layers}
    assert "relu1" not in kernels
    assert "relu" in kernels["conv1"][0]


@pytest.mark.parametrize("size", [(9, 9), (8, 5)], ids=str)
def test_positions_that_no_layer_reads_are_skipped_bit_for_bit(size):
    """The kernels of a stride give the very bits that those without it give at the same positions."""
    net = net_of(
        data(1, 5, 9, 9),
        conv("shortcut", "data", 19),
        conv("spatial", "shortcut", 7, 3, pad=1),
        conv("expand", "spatial", 19),
        layer("Eltwise", "sum", ["shortcut", "expand"]),
        layer("ReLU", "relu", ["sum"]),
        conv("left", "relu", 6, stride=2),
        conv("right", "relu", 33, stride=2),
    )
    full = runtime.Session(apply_stages(net, ("fuse-residual", "fuse-activation")), threads=1)
    session = xdn.Session(net, threads=1)
    images = noise(19, 5, *size)
    for before, after in zip(full.run(None, {"data": images}), session.run(None, {"data": images}), strict=True):
        assert before.tobytes() == after.tobytes()
    assert session.plan().macs < full.plan().macs
    for blob in ("shortcut", "spatial", "relu"):
        (before,), (after,) = full.run([blob], {"data": images}), session.run([f"{blob}/2x2"], {"data": images})
        np.testing.assert_array_equal(after, before[:, :, ::2, ::2])
    # Nobody who asks for all positions is given a part of them.
    with pytest.raises(InputError, match="no blob 'relu'"):
        session.run(["relu"], {"data": images})


def test_a_session_computes_direct_sums_where_it_is_told_to():
    net = net_of(data(1, 16, 8, 8), conv("conv", "data", 16, 3, pad=1))
    images = noise(5, 16, 8, 8)
    found = {}
    for winograd in (True, False):
        session = xdn.Session(net, threads=1, winograd=winograd)
        (found[winograd],) = session.run(None, {"data": images})
        # Four tiles of 36 products; 22 of 8 * 3 taps meet data in each direction.
        assert session.plan().macs == 16 * 16 * (4 * 36 if winograd else 22 * 22)
    assert found[True].tobytes() != found[False].tobytes()
    # F(4x4) errs by some 3e-6 of the largest output (docs/numerics.md), direct sums by a fifth of that.
    np.testing.assert_allclose(found[True], found[False], rtol=0, atol=1e-5 * np.abs(found[False]).max())


@pytest.mark.parametrize("post_fusion", [True, False])
def test_a_session_computes_what_layers_read_as_8_bit_integers(post_fusion):
    net = net_of(
        data(2, 3, 8, 8),
        conv("conv1", "data", 5, 3, pad=1),
        layer("ReLU", "relu", ["conv1"]),
        layer("Pooling", "pool", ["relu"], kernel_size=2, stride=2),
        conv("conv2", "pool", 4),
        layer("Pooling", "mean", ["conv2"], pool="AVE", global_pooling=True),
        layer("InnerProduct", "fc", ["mean"], num_output=3),
    )
    read = {"conv1": Quantized(0.03, True), "conv2": Quantized(0.02), "mean": Quantized(0.05, True)}
    read["fc"] = Quantized(0.04, True)
    layers = (each.replace(quantized=(read[each.name],) if each.name in read else ()) for each in net.layers)
    net = net.replace(layers=tuple(layers))
    session = xdn.Session(net, threads=1, post_fusion=post_fusion)
    images = noise(2, 3, 8, 8)
    (found,) = session.run(None, {"data": images})
    assert np.array_equal(found, net.forward({"data": images})["fc"])


def test_what_is_stored_in_8_bits_is_compared_as_readers_of_4_clip_it():
    """The sum is stored in 8 bits, and half of it is beyond 4; f32 layers stand between the convolutions."""
    net = net_of(
        data(2, 3, 8, 8),
        conv("conv1", "data", 3, 3, pad=1),
        layer("Eltwise", "sum", ["conv1", "data"]),
        layer("ReLU", "relu", ["sum"]),
        conv("conv2", "relu", 4),
        layer("InnerProduct", "fc", ["conv2"], num_output=3),
    )
    read = {"conv1": (Quantized(0.03, True),), "sum": (Quantized(0.03, True),) * 2, "conv2": (Quantized(0.02, bits=4),)}
    net = net.replace(layers=tuple(each.replace(quantized=read.get(each.name, ())) for each in net.layers))
    batch = seeded_batch(net)
    known = run(reference, net, batch)
    assert known["relu"].max() > 0.02 * 15
    assert max(check_execution(net, batch, known, executed).differences.values()) < 1e-6


@seed(20190625)
@settings(max_examples=10, deadline=None, database=None)
@given(calibrated_nets())
def test_sessions_compute_the_integers_of_any_net(net):
    """In both schedules; of what f32 layers round otherwise the integers follow."""
    batch = seeded_batch(net)
    found = check_execution(net, batch, run(reference, net, batch), executed)
    assert not found.skipped
    # Rounding of f32 at each of up to 17 layers; measured below 2e-6.
    assert all(difference < 2e-5 for difference in found.differences.values())


@seed(20190625)
@settings(max_examples=10, deadline=None, database=None)
@given(calibrated_nets(bf16=True))
def test_sessions_compute_bf16_of_any_net(net):
    """Beside integers and f32, in both schedules; blobs in bf16 may differ in their last bit."""
    batch = seeded_batch(net)
    found = check_execution(net, batch, run(reference, net, batch), executed)
    assert not found.skipped


@pytest.mark.parametrize("fused", [True, False])
def test_with_the_precision_bf16_layers_read_it(emulated, fused, rng):
    net = net_of(
        data(2, 3, 8, 8),
        conv("conv1", "data", 5, 3, pad=1),
        layer("MVN", "mvn", ["conv1"]),
        layer("ReLU", "relu", ["mvn"]),
        conv("conv2", "relu", 4),
        layer("Sigmoid", "sigmoid", ["conv2"]),
        layer("InnerProduct", "fc", ["sigmoid"], num_output=3),
    )
    said = [each.replace(quantized=(Quantized(0.1, True),)) if each.name == "conv2" else each for each in net.layers]
    net = net.replace(layers=tuple(said))
    session = xdn.Session(net, threads=1, post_fusion=fused, precision="bf16")
    assert {each.name for each in session.net.layers if each.reads_bf16} == {"conv1", "fc"}
    assert session.net.layer("conv2").quantized == said[4].quantized
    images = rng.standard_normal((2, 3, 8, 8)).astype(np.float32)
    (found,) = session.run(None, {"data": images})
    (other,) = xdn.Session(net, threads=1, configuration=Configuration(precision="bf16")).run(None, {"data": images})
    assert np.array_equal(found, other)
    marked = net.replace(
        layers=tuple(each.replace(quantized=(Bf16(),)) if each.name in ("conv1", "fc") else each for each in net.layers)
    )
    expected = marked.forward({"data": images})["fc"]
    assert np.abs(found - expected).max() <= 2.0**-7 * np.abs(expected).max()
    again = pickle.loads(pickle.dumps(session))
    assert np.array_equal(again.run(None, {"data": images})[0], found)
