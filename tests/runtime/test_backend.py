"""A second backend: sessions cut nets by what it takes, let it compile and run, and give what the first one gives."""

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, one_layer_net, random_weights
from tests.runtime.cpu.test_executor import residual_net
from tests.runtime.test_chain import joining_net
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError, UnknownNameError, UnsupportedError
from xdn.graph import Blob, Net
from xdn.kernels.whole.layers import alone
from xdn.memory import Need
from xdn.runtime.backend import BACKENDS, Run
from xdn.runtime.parts import NetPart, WholePart
from xdn.runtime.session import Session
from xdn.session import Session as FusingSession


@dataclass(frozen=True, eq=False)
class Layers:
    """A net whose layers are computed one by one."""

    net: Net
    outputs: Mapping[str, Blob]
    plan = None


class References:
    """Each layer by its NumPy reference."""

    reads_pixels, kernels_compiled = False, 0

    def __init__(self, threads, members, timed):
        if timed:
            raise SettingError("references are not measured")
        self.threads, self.calls = threads, []

    def takes(self, layer, blobs):
        """Return whether it is not a pooling: those are left to the session, to show that it asks."""
        assert {*layer.bottoms, *layer.tops} <= blobs.keys()
        return layer.type != "Pooling"

    def variant(self, net, request, configuration):
        """Return the same for all numbers of images."""
        return None

    def compile(self, net, request, configuration):
        """Return the net at a batch of one."""
        sized = net.reshape({name: (1, *shape) for name, shape in request.shapes.items()})
        self.calls.append(("compile", *request.outputs))
        return Layers(sized, {name: sized.blobs[name] for name in request.outputs})

    def needs(self, program, images):
        """Return all blobs, which are there at once."""
        return [Need(name, images * blob.bytes) for name, blob in program.net.blobs.items()]

    def run(self, program, arrays, images, progress=None):
        """Compute all layers, and copy what is asked for."""
        begin, inputs = time.perf_counter(), len(program.net.inputs)
        self.calls.append(("run", images))
        feed = dict(zip(program.net.inputs, arrays, strict=False))
        blobs = program.net.with_batch(images).forward(feed)
        for name, array in zip(program.outputs, arrays[inputs:], strict=True):
            array[:] = blobs[name]
        if progress:
            progress(1, 1)
        seconds, sizes = time.perf_counter() - begin, tuple(array.nbytes for array in arrays)
        return Run(images, 1, seconds, np.zeros((1, len(program.net.layers)), np.int64), sizes)

    def work(self, kernel, descriptor):
        """Run the kernel in this thread."""
        alone(kernel, descriptor)

    def close(self):
        """End nothing: there are no threads."""


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Register the backend, as its module would, for these tests alone."""
    BACKENDS.register("references")(References)
    yield
    BACKENDS.forget(["references"])


@pytest.fixture(scope="module")
def net():
    """Return a net with weights."""
    return random_weights(residual_net(), np.random.default_rng(0))


@pytest.mark.parametrize("batch", [1, 5, B + 3])
def test_both_backends_give_the_same(net, batch):
    feed = feed_for(net, batch)
    names = (*net.outputs, "conv", "sum")
    ours, others = (
        Session(net, threads=2, winograd=False, backend=name).run(names, feed) for name in ("cpu", "references")
    )
    for name, own, other in zip(names, ours, others, strict=True):
        # Two convolutions in a row, each of whose sums has so many products at most.
        rounding = 2 * 9 * 14 * 2.0**-24 * np.abs(other).max()
        np.testing.assert_allclose(own, other, rtol=0, atol=rounding, err_msg=name)


def test_what_a_backend_does_not_take_is_computed_on_whole_arrays(net):
    assert [type(part) for part in Session(net, threads=1).parts] == [NetPart]
    session = Session(net, threads=1, backend="references")
    alone = [part.layer.type for part in session.parts if isinstance(part, WholePart)]
    assert alone == [layer.type for layer in net.layers if layer.type == "Pooling"] != []


def test_a_net_in_parts_runs_in_both_backends():
    net = joining_net()
    feed = feed_for(net, 3)
    ours, others = (Session(net, threads=1, backend=name).run(None, feed) for name in ("cpu", "references"))
    for own, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-5)


def test_a_program_is_kept_for_further_calls(net, monkeypatch):
    calls, make = [], References.compile
    monkeypatch.setattr(References, "compile", lambda *args: calls.append(args) or make(*args))
    session = Session(net, threads=1, backend="references")
    parts = sum(isinstance(part, NetPart) for part in session.parts)
    for batch in (2, 2, 7):
        session.run(None, feed_for(net, batch))
    assert len(calls) == parts


def test_images_are_converted_for_a_backend_that_takes_floats(net):
    images = np.random.default_rng(2).integers(0, 256, (4, 6, 5, 3), np.uint8)
    transform = PixelTransform(np.full((3, 1, 1), 100, np.float32), np.full(3, 0.02, np.float32), (0, 0, 6, 5))
    ours, others = (
        Session(net, threads=1, backend=name).run_pixels(images, transform) for name in ("cpu", "references")
    )
    for own, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


def test_plans_and_profiles_are_those_of_backends_that_make_them():
    net = one_layer_net("ReLU", (3, 4, 4))
    session = Session(net, threads=1, backend="references")
    with pytest.raises(UnsupportedError, match="makes no plans"):
        session.plan()
    session.run(None, feed_for(net, 2))
    assert session.plans() == ()
    with pytest.raises(SettingError, match="references are not measured"):
        Session(net, threads=1, backend="references", profile=True)


def test_a_copy_and_a_fusing_session_have_the_same_backend(net):
    feed = feed_for(net, 2)
    (expected,) = Session(net, threads=1, backend="references").run(net.outputs[:1], feed)
    for session in (
        pickle.loads(pickle.dumps(Session(net, threads=1, backend="references"))),
        FusingSession(net, threads=1, backend="references"),
    ):
        assert session.backend == "references"
        np.testing.assert_array_equal(session.run(net.outputs[:1], feed)[0], expected)


def test_an_unknown_backend_is_named_with_the_known(net):
    with pytest.raises(UnknownNameError, match=r"unknown backend 'gpu'.*cpu"):
        Session(net, backend="gpu")
