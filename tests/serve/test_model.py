"""A version that is loaded."""

import gc
import weakref

import numpy as np
import pytest

from tests.serve.nets import IMAGES, SUM
from xdn import api
from xdn.errors import MemoryLimitError, UnsupportedError
from xdn.runtime import session as runtime
from xdn.serve import model as loaded
from xdn.serve.config import ModelConfig
from xdn.serve.messages import InferRequest, Tensor, TooLargeError
from xdn.serve.model import Model
from xdn.serve.undisturbed import Taken

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(name="model")
def fixture_model(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(SUM)
    made = Model("sum", "1", api.load(path), ModelConfig(max_batch=8), threads=1)
    yield made
    made.close()


def warmed(model):
    model.compile()
    for _ in model.warm():
        pass
    return model


def test_both_schedules_are_measured_and_agree(model):
    warmed(model)
    feed = {name: np.arange(24, dtype=np.float32).reshape(8, 3) for name in "ab"}
    results = {name: session.run(None, feed) for name, session in model._sessions.items()}
    assert set(results) == {"batch", "channel"}
    for found in results.values():
        named = {tensor.name: tensor.data for tensor in model.outputs(InferRequest("sum", ()), found)}
        assert np.array_equal(named["z"], 2 * feed["a"])
        assert np.array_equal(named["w"], 4 * feed["a"])


def test_what_other_programs_took_of_a_run_does_not_count(model, monkeypatch):
    monkeypatch.setattr(loaded, "timed", lambda *_: Taken(seconds=9.0, undisturbed_s=0.5))
    warmed(model)
    assert model.times.seconds(1) == 0.5


def test_a_schedule_without_kernels_is_left_out(model, monkeypatch):
    run = runtime.Session.run

    def refused(session, *args):
        if session.configuration.schedule == "batch":
            raise UnsupportedError("no kernel")
        return run(session, *args)

    monkeypatch.setattr(runtime.Session, "run", refused)
    warmed(model)
    assert [model.times.schedule(images) for images in (1, 8, 64)] == ["channel"] * 3


def test_a_net_without_any_kernel_is_an_error(model, monkeypatch):
    def refused(*_):
        raise UnsupportedError("no kernel")

    monkeypatch.setattr(runtime.Session, "run", refused)
    with pytest.raises(UnsupportedError):
        warmed(model)


def test_more_memory_than_there_is_is_the_requests_fault(model, monkeypatch):
    def refused(*_):
        raise MemoryLimitError("too much")

    monkeypatch.setattr(runtime.Session, "run", refused)
    with pytest.raises(TooLargeError, match="too much"):
        model.run({}, 1)


def test_outputs_come_in_the_order_in_which_they_are_wanted(model):
    request = InferRequest("sum", (Tensor("a", "FP32", np.zeros((1, 3), np.float32)),), outputs=("w", "z"))
    arrays = [np.zeros(1, np.float32), np.ones(1, np.float32)]
    names = [tensor.name for tensor in model.outputs(request, arrays)]
    assert names == ["w", "z"]


def test_a_closed_model_leaves_nothing_for_the_collector(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(IMAGES)
    model = warmed(Model("images", "1", api.load(path, random_weights=True), ModelConfig(max_batch=2), threads=1))
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    model.run(model.feed(InferRequest("images", (Tensor("data", "UINT8", pixels),))), 1)
    nets = [weakref.ref(session.net) for session in model._sessions.values()]
    gc.collect()
    gc.disable()
    try:
        model.close()
        del model
        assert [each() for each in nets] == [None] * len(nets)
    finally:
        gc.enable()
