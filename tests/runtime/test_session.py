"""`Session`: names, shapes and dtypes checked; any batch; many callers; fork and Ctrl-C."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from tests.codegen.kernels import python
from tests.conftest import ROOT
from tests.kernels.checks import (
    BATCH,
    B,
    assert_within,
    check_net,
    feed_for,
    input_layer,
    make_params,
    one_layer_net,
    random_weights,
    sums,
)
from tests.runtime.cpu.test_executor import residual_net
from xdn import settings
from xdn.data.pixels import PixelTransform
from xdn.errors import InputError, NetError, SettingError, ShapeError, WeightsError
from xdn.graph import Layer, Net
from xdn.runtime.arguments import Argument
from xdn.runtime.cpu import backend
from xdn.runtime.session import Session


@pytest.fixture(scope="module")
def net():
    """Return a small net with the outputs prob and norm."""
    return residual_net()


@pytest.fixture(scope="module")
def session(net):
    """Return a session with one thread."""
    return Session(net, threads=1)


@pytest.fixture(scope="module")
def x(net):
    """Return a block of images and a tail."""
    return feed_for(net, B + 8)["x"]


def test_arguments_have_a_free_batch(session):
    assert session.get_inputs() == [Argument("x", ("N", 3, 6, 5), "float32")]
    assert session.get_outputs() == [Argument("prob", ("N", 10)), Argument("norm", ("N", 14, 6, 5))]


def test_run_and_forward_give_the_same(session, x):
    prob, norm = session.run(None, {"x": x})
    by_name = session.forward(x=x)
    assert list(by_name) == ["prob", "norm"]
    np.testing.assert_array_equal(by_name["prob"], prob)
    np.testing.assert_array_equal(by_name["norm"], norm)
    np.testing.assert_array_equal(session.run(["norm"], {"x": x})[0], norm)
    np.testing.assert_array_equal(session.forward(["norm", "prob"], x=x)["prob"], prob)


def test_any_blob_can_be_asked_for(session, x):
    conv, same, pool = session.run(["conv", "x", "pool"], {"x": x})
    np.testing.assert_array_equal(same, x)
    expected = session.net.with_batch(40).forward({"x": x})
    # The chain of 27 products has magnitudes below 30 here, and the LRN in front of the pool only scales down.
    np.testing.assert_allclose(conv, expected["conv"], rtol=0, atol=30 * 27 * 2.0**-24)
    np.testing.assert_allclose(pool, expected["pool"], rtol=1e-4, atol=1e-5)


def test_a_name_twice_gives_the_blob_twice(session, x):
    prob, norm, again = session.run(["prob", "norm", "prob"], {"x": x})
    np.testing.assert_array_equal(prob, again)
    np.testing.assert_array_equal(norm, session.run(["norm"], {"x": x})[0])


def test_results_are_the_caller_s_own(session, x):
    (first,) = session.run(["prob"], {"x": x})
    kept = first.copy()
    (second,) = session.run(["prob"], {"x": x[::-1].copy()})
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(second[::-1], first)
    assert first.flags.writeable
    assert first.flags.c_contiguous


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (None, r"the feed is a NoneType, not a mapping of names\. The net takes x: float32"),
        (np.zeros((1, 3, 6, 5), np.float32), "the feed is a ndarray"),
        ({}, r"inputs \[\] are given. The net takes x: float32 \('N', 3, 6, 5\)"),
        ({"y": np.zeros((1, 3, 6, 5), np.float32)}, r"inputs \['y'\] are given.*x: float32"),
        ({"x": np.zeros((1, 3, 6, 5))}, r"input 'x' is float64; float32 is expected.*x: float32"),
        ({"x": np.zeros((1, 3, 6, 5), np.uint8)}, "input 'x' is uint8"),
        ({"x": np.zeros((1, 3, 6, 5), ">f4")}, "input 'x' is >f4"),
        ({"x": [[1, 2]]}, r"input 'x' has the shape \(1, 2\)"),
        ({"x": np.zeros((1, 4, 6, 5), np.float32)}, r"input 'x' has the shape \(1, 4, 6, 5\).*'N', 3, 6, 5"),
        ({"x": np.zeros((3, 6, 5), np.float32)}, r"has the shape \(3, 6, 5\)"),
        ({"x": np.float32(1)}, r"has the shape \(\)"),
    ],
)
def test_a_wrong_feed_is_refused_with_what_is_valid(session, feed, message):
    with pytest.raises(InputError, match=message):
        session.run(None, feed)


def test_an_unknown_output_is_refused_with_what_is_valid(session, x):
    with pytest.raises(InputError, match=r"no blob 'probe'\. Its outputs: prob, norm"):
        session.run(["probe"], {"x": x})


def test_batches_that_differ_are_refused():
    net = one_layer_net("Eltwise", (3,), (3,))
    feed = {"x0": np.zeros((2, 3), np.float32), "x1": np.zeros((3, 3), np.float32)}
    with pytest.raises(InputError, match=r"different batches \[2, 3\]"):
        Session(net).run(None, feed)


def test_a_session_without_weights_or_threads_is_refused(net):
    bare = net.replace(layers=tuple(layer.replace(weights={}) for layer in net.layers))
    with pytest.raises(WeightsError, match="layer 'conv'"):
        Session(bare)
    with pytest.raises(SettingError, match="threads: 0 is not between 1"):
        Session(net, threads=0)


def test_threads_default_to_the_flag(net, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert Session(net).threads == 1
    assert Session(net, threads=2).threads == 2


def test_no_images(session):
    prob, norm = session.run(None, {"x": np.zeros((0, 3, 6, 5), np.float32)})
    assert (prob.shape, norm.shape) == ((0, 10), (0, 14, 6, 5))
    assert prob.dtype == np.float32


@pytest.mark.parametrize("batch", [1, 2, B - 1, B, B + 1, B + 8])
def test_the_batch_is_free(session, x, batch):
    (expected,) = session.run(["prob"], {"x": x})
    np.testing.assert_array_equal(session.run(["prob"], {"x": x[:batch]})[0], expected[:batch])


# Other sizes of images.


def _convolutional_net():
    layers = (
        input_layer("x", 3, 8, 8),
        Layer("conv", make_params("Convolution", num_output=13, kernel_size=3, stride=2), ("x",), ("y",)),
    )
    return random_weights(Net("fully convolutional", layers), np.random.default_rng(4))


@pytest.mark.parametrize("size", [(3, 3), (5, 11), (8, 8), (17, 4)])
def test_a_fully_convolutional_net_takes_other_sizes(size):
    net = _convolutional_net()
    images = np.random.default_rng(5).standard_normal((BATCH, 3, *size)).astype(np.float32)
    (result,) = Session(net).run(None, {"x": images})
    sized = net.reshape({"x": images.shape})
    expected = sized.forward({"x": images})["y"]
    assert_within(result, expected, sums(sized, {"x": images}, expected))


def test_sizes_that_do_not_fit_are_refused(session):
    with pytest.raises(ShapeError, match="'conv'"):
        Session(_convolutional_net()).run(None, {"x": np.zeros((1, 3, 1, 1), np.float32)})
    with pytest.raises(ShapeError):
        Session(_convolutional_net()).run(None, {"x": np.zeros((1, 3, 0, 8), np.float32)})
    with pytest.raises(WeightsError, match=r"'fc' \(InnerProduct\): weight has the shape"):
        session.run(None, {"x": np.zeros((1, 3, 12, 12), np.float32)})


def test_plans_are_kept_by_shape_and_the_oldest_go(monkeypatch):
    net, images = _convolutional_net(), {n: np.ones((2, 3, 8, n), np.float32) for n in range(3, 8)}
    session = Session(net)
    monkeypatch.setattr(settings, "PLANS_KEPT", 3)
    first = session.plan({"x": (3, 8, 3)}, images=2)
    for width in (3, 4, 5, 3):
        session.run(None, {"x": images[width]})
    assert session.plan({"x": (3, 8, 3)}, images=2) is first
    second = session.plan({"x": (3, 8, 4)}, images=2)
    session.plan({"x": (3, 8, 3)}, images=2)
    for width in (6, 7):
        session.run(None, {"x": images[width]})
    assert session.plan({"x": (3, 8, 3)}, images=2) is first
    assert session.plan({"x": (3, 8, 4)}, images=2) is not second
    session.run(None, {"x": images[5]})
    session.run(None, {"x": images[6]})
    assert session.plan({"x": (3, 8, 3)}, images=2) is not first


def test_outputs_go_to_the_callers_arrays(session):
    feed = {"x": np.ones((3, *session.net.inputs["x"].shape[1:]), np.float32)}
    expected = session.run(None, feed)
    own = np.full_like(expected[0], np.nan)
    found = session.run(None, feed, out={session.net.outputs[0]: own})
    assert found[0] is own
    for result, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize("make", [
    lambda y: y.astype(np.float64), lambda y: y[:-1], lambda y: np.asfortranarray(np.repeat(y, 2, 1))[:, ::2],
    lambda y: np.lib.stride_tricks.as_strided(y, y.shape, y.strides, writeable=False), lambda y: y.tolist(),
])  # fmt: skip
def test_an_array_that_cannot_take_an_output_is_refused(session, make):
    feed = {"x": np.ones((3, *session.net.inputs["x"].shape[1:]), np.float32)}
    name, (result, *_) = session.net.outputs[0], session.run(None, feed)
    with pytest.raises(InputError, match="contiguous, writeable float32 array of the shape"):
        session.run(None, feed, out={name: make(result)})
    with pytest.raises(InputError, match="which is not asked for"):
        session.run(None, feed, out={"elsewhere": result})


def test_plan_of_an_unknown_input_is_refused(session):
    with pytest.raises(NetError, match=r"no input 'z'\. Its inputs: x"):
        session.plan({"z": (1, 2, 3)})


def test_compiling_is_counted(net):
    session = Session(net)
    assert session.compile_s == 0
    session.plan()
    spent = session.compile_s
    assert spent > 0
    session.plan()
    assert session.compile_s == spent


# Pixels: what does not fit is refused before a kernel reads beyond an image.


def _transform(crop=(0, 0, 6, 5), channels=3):
    return PixelTransform(np.zeros((channels, 1, 1), np.float32), np.ones(channels, np.float32), crop)


@pytest.mark.parametrize(
    ("images", "transform", "message"),
    [
        (np.zeros((2, 6, 5, 3), np.float32), _transform(), r"images of float32 \(2, 6, 5, 3\); uint8"),
        (np.zeros((6, 5, 3), np.uint8), _transform(), r"uint8 \(N, H, W, C\)"),
        (np.zeros((2, 6, 5, 1), np.uint8), _transform(channels=1), "images of 1 channels"),
        (np.zeros((2, 6, 5, 4), np.uint8), _transform(channels=4), "images of 4 channels"),
        (np.zeros((2, 5, 5, 3), np.uint8), _transform(), "crop of 6x5 does not fit"),
        (np.zeros((2, 8, 8, 3), np.uint8), _transform((3, 0, 6, 5)), "crop of 6x5 does not fit"),
    ],
)
def test_images_that_do_not_fit_are_refused(session, images, transform, message):
    with pytest.raises(InputError, match=message):
        session.run_pixels(images, transform)


def test_pixels_need_a_net_with_one_input():
    with pytest.raises(InputError, match="2 inputs"):
        Session(one_layer_net("Eltwise", (3,), (3,))).run_pixels(np.zeros((1, 6, 5, 3), np.uint8), _transform())


def test_pixels_are_not_films():
    with pytest.raises(InputError, match=r"images of 3 channels; the input 'x0' has the shape \(1, 3, 4, 6, 5\)"):
        Session(one_layer_net("ReLU", (3, 4, 6, 5))).run_pixels(np.zeros((1, 6, 5, 3), np.uint8), _transform())


def test_pixels_without_images(session):
    assert session.run_pixels(np.zeros((0, 6, 5, 3), np.uint8), _transform())[0].shape == (0, 10)


def test_pixels_keep_one_plan_a_transform(net):
    session, transform = Session(net), _transform()
    images = np.ones((2, 6, 5, 3), np.uint8)
    session.run_pixels(images, transform)
    (first,) = session.plans()
    for _ in range(2):
        session.run_pixels(images, transform)
        assert session.plans()[0] is first
    session.run_pixels(images, _transform())
    assert session.plans()[0] is not first
    session.run_pixels(images, transform)
    assert session.plans()[0] is first


def test_prepared_pixels_have_their_plan(net):
    session, transform, images = Session(net), _transform(), np.ones((2, 6, 5, 3), np.uint8)
    session.prepare_pixels(images, transform)
    (prepared,) = session.plans()
    session.run_pixels(images, transform)
    assert session.plans()[0] is prepared


# Many callers, processes, signals.


@pytest.fixture
def _restless():
    """Let Python switch threads as often as it can, so that a missing lock shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_restless")
def test_several_python_threads_share_a_session(monkeypatch):
    """Also while plans come and go: fewer are kept than the threads use."""
    monkeypatch.setattr(settings, "PLANS_KEPT", 1)
    net = _convolutional_net()
    session, failures = Session(net, threads=2, chunk_blocks=1), []
    rng = np.random.default_rng(6)
    images = [rng.standard_normal((70, 3, 5, width)).astype(np.float32) for width in (3, 5, 7, 9)]
    expected = [Session(net, threads=1).run(None, {"x": x})[0] for x in images]

    def caller(i):
        try:
            for turn in range(12):
                at = (i + turn) % len(images)
                (result,) = session.run(None, {"x": images[at]})
                np.testing.assert_array_equal(result, expected[at])
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=caller, args=(i,)) for i in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(60)
    assert not any(thread.is_alive() for thread in callers)
    assert not failures
    session.close()


def test_threads_that_ask_at_once_share_one_plan(net, monkeypatch):
    made, make = [], backend.make_plan

    def slow(*args):
        made.append(args)
        time.sleep(0.05)
        return make(*args)

    monkeypatch.setattr(backend, "make_plan", slow)
    session, programs = Session(net, threads=1), []
    callers = [threading.Thread(target=lambda: programs.append(session.plan())) for _ in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert len(made) == 1
    assert len({id(plan) for plan in programs}) == 1


def test_a_closed_session_runs_again(net, x):
    session = Session(net, threads=2, chunk_blocks=1)
    (before,) = session.run(["prob"], {"x": x})
    session.close()
    np.testing.assert_array_equal(session.run(["prob"], {"x": x})[0], before)
    session.close()


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no fork")
def test_a_forked_child_starts_its_own_threads():
    code = """
import os, signal, threading
import numpy as np
from tests.kernels.checks import feed_for
from tests.runtime.cpu.test_executor import residual_net
from xdn.runtime.session import Session
session = Session(residual_net(), threads=2, chunk_blocks=1)
feed = feed_for(session.net, 100)
expected = session.run(None, feed)
assert any(thread.name.startswith("xdn") for thread in threading.enumerate())
child = os.fork()
if child == 0:
    signal.alarm(60)
    results = session.run(None, feed)
    same = all(map(np.array_equal, results, expected))
    session.close()
    os._exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert all(map(np.array_equal, session.run(None, feed), expected))
print("both are right")
"""
    assert python(code) == "both are right"


INTERRUPTED = """
import signal
import numpy as np
from tests.kernels.checks import feed_for, input_layer, make_params, random_weights
from xdn.graph import Layer, Net
from xdn.runtime.cpu.program import Program
from xdn.runtime.session import Session
conv = {"num_output": 64, "kernel_size": 3, "pad": 1}
net = Net("slow", (
    input_layer("x", 1, 8, 8),
    Layer("a", make_params("Convolution", **conv), ("x",), ("a",)),
    Layer("b", make_params("Convolution", **conv), ("a",), ("b",)),
    Layer("c", make_params("Convolution", **conv), ("b",), ("c",)),
    Layer("y", make_params("Pooling", pool="AVE", global_pooling=True), ("c",), ("y",)),
))
session = Session(random_weights(net, np.random.default_rng(0)), threads=2)
# A process that a shell started in the background ignores the signal, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
few = feed_for(net, 70)
expected = session.run(None, few)
controls, totals, make = [], [], Program.control

def kept(*args):
    controls.append(make(*args))
    return controls[-1]

def progress(done, total):
    totals.append(total)
    print("running", flush=True)

Program.control = kept
try:
    session.run(None, {"x": np.zeros((300_000, 1, 8, 8), np.float32)}, progress)
    print("finished", flush=True)
except KeyboardInterrupt:
    done = controls[0].done
    print("interrupted" if done < totals[-1] else f"late: all {done} chunks were done", flush=True)
assert all(map(np.array_equal, session.run(None, few), expected))
print("works", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no SIGINT for a child")
def test_ctrl_c_cancels_and_the_session_still_works():
    # 300,000 images are some 1.4 TMAC: without cancelling it would take many seconds more.
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        lines = process.communicate(timeout=60)[0].split()
    finally:
        process.kill()
    assert [line for line in lines if line != "running"] == ["interrupted", "works"]
    assert process.returncode == 0


def test_a_net_with_two_inputs_and_outputs():
    layers = (
        input_layer("a", 3, 4, 4),
        input_layer("b", 5),
        Layer("fa", make_params("InnerProduct", num_output=13), ("a",), ("fa",)),
        Layer("fb", make_params("InnerProduct", num_output=13), ("b",), ("fb",)),
        Layer("both", make_params("Concat"), ("fa", "fb"), ("both",)),
        Layer("copy", make_params("Split"), ("b",), ("copy",)),
    )
    net = random_weights(Net("two", layers), np.random.default_rng(7))
    results = check_net(net.replace(outputs=("copy",)))
    np.testing.assert_array_equal(results[0], feed_for(net)["b"])
    feed = feed_for(net)
    # Chains of 48 products of standard normal numbers: below 200 in magnitude.
    expected = net.with_batch(BATCH).forward(feed)["both"]
    np.testing.assert_allclose(Session(net).forward(**feed)["both"], expected, rtol=0, atol=200 * 14 * 2.0**-24)
