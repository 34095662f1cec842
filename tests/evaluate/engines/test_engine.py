"""What all engines have: their packages, and a pool of callers."""

import threading

import pytest

from xdn.errors import MissingExtraError, UnknownNameError
from xdn.evaluate.engines import ENGINES
from xdn.evaluate.engines.engine import Engine, in_pool


def test_an_engine_that_is_not_installed_says_how_it_is(tmp_path):
    class Absent(Engine):
        distribution = "no-such-engine"
        configure = infer = None

    with pytest.raises(MissingExtraError, match="Run: pip install no-such-engine"):
        Absent(tmp_path / "net.onnx", 1)


def test_engines_are_found_by_their_names():
    assert {"onnxruntime", "openvino"} <= set(ENGINES)
    with pytest.raises(UnknownNameError, match="openvino"):
        ENGINES["openvin"]


def test_a_pool_keeps_the_order_and_draws_no_more_than_it_needs():
    drawn, gate = [], threading.Event()

    def inputs():
        for x in range(20):
            drawn.append(x)
            yield x

    def run(x):
        gate.wait(10)
        return -x

    threading.Timer(0.05, gate.set).start()
    results = in_pool(run, inputs(), 2)
    assert next(results) == 0
    assert len(drawn) == 5
    assert list(results) == [-x for x in range(1, 20)]
