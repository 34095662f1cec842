"""`LocalEngine`: requests in one process."""

import asyncio
import dataclasses
import gc
import threading
import time
import weakref
from contextlib import asynccontextmanager, suppress

import cv2
import numpy as np
import pytest

from tests.serve.nets import IMAGES, SUM, write_config, write_net
from xdn import api
from xdn.runtime import session as runtime
from xdn.serve.datatypes import from_values
from xdn.serve.engine import LocalEngine
from xdn.serve.messages import (
    READY,
    UNAVAILABLE,
    BadRequestError,
    InferRequest,
    OverloadedError,
    Tensor,
    TimeLimitError,
    TooLargeError,
    UnavailableError,
    UnknownModelError,
)
from xdn.serve.model import Model
from xdn.serve.options import EngineOptions
from xdn.serve.repository import Repository
from xdn.session import Session


@pytest.fixture(name="models", scope="module")
def fixture_models(tmp_path_factory):
    """Return a repository: `sum` without weights, `images` in two versions."""
    root = tmp_path_factory.mktemp("models")
    for folder, text in ((root / "sum" / "1", SUM), (root / "images" / "1", IMAGES), (root / "images" / "2", IMAGES)):
        write_net(folder, text)
    write_config(root / "sum", max_batch=4)
    write_config(root / "images", versions=[1, 2], images={"mean_value": [3.0]})
    return root


@asynccontextmanager
async def serving(root, **options):
    """Start an engine, and stop it in the end."""
    engine = LocalEngine(Repository.of(root), EngineOptions(threads=1, **options))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop(5.0)


def summed(images=1, first=1.0, **fields):
    """Return a request for a + b."""
    a = np.full((images, 3), first, np.float32)
    return InferRequest("sum", (Tensor("a", "FP32", a), Tensor("b", "FP32", a + 1)), **fields)


class Gate:
    """Lets runs of models wait, to see what happens meanwhile."""

    def __init__(self, monkeypatch):
        self.entered, self.opened = threading.Event(), threading.Event()
        self.images = []
        run = Model.run

        def gated(model, feed, images):
            self.images.append((model.name, images))
            self.entered.set()
            assert self.opened.wait(5)
            return run(model, feed, images)

        monkeypatch.setattr(Model, "run", gated)

    async def passed(self, engine, request):
        """Send a request, and return its task once it runs."""
        task = asyncio.create_task(engine.infer(request))
        await asyncio.to_thread(self.entered.wait, 20)
        return task


def test_requests_are_answered(models):
    async def scenario():
        async with serving(models) as engine:
            assert engine.ready()
            assert {(state.name, state.version, state.state) for state in engine.index()} == {
                ("images", "1", READY), ("images", "2", READY), ("sum", "1", READY)
            }  # fmt: skip
            answer = await engine.infer(summed(2, id="mine"))
            assert (answer.model, answer.version, answer.id) == ("sum", "1", "mine")
            assert {each.name: each.data.tolist() for each in answer.outputs} == {
                "z": [[3.0] * 3] * 2, "w": [[6.0] * 3] * 2
            }  # fmt: skip
            (only,) = (await engine.infer(summed(outputs=("w",)))).outputs
            assert (only.name, only.datatype) == ("w", "FP32")
            (counted,) = engine.statistics("sum")
            assert (counted.inferences, counted.executions, counted.success.count) == (3, 2, 2)
            assert counted.batches == {2: 1, 1: 1}
            assert counted.success.ns >= counted.queue.ns + counted.compute_infer.ns > 0
            metadata = engine.metadata("images")
            assert (metadata.versions, metadata.inputs[0].shape) == (("1", "2"), (-1, 3, 4, 4))
            assert not engine.statistics("images", "7")

    asyncio.run(scenario())


def test_images_are_read_in_three_forms(models):
    async def scenario():
        async with serving(models) as engine:
            pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)
            files = np.array([cv2.imencode(".png", each)[1].tobytes() for each in pixels], object)
            read = pixels.transpose(0, 3, 1, 2).astype(np.float32) - 3
            tensors = Tensor("data", "FP32", read), Tensor("data", "UINT8", pixels), Tensor("data", "BYTES", files)
            found = [(await engine.infer(InferRequest("images", (each,)))).outputs[0].data for each in tensors]
            net = api.load(models / "images" / "2" / "deploy.prototxt", models / "images" / "2" / "deploy.caffemodel")
            assert np.allclose(found[0], Session(net).run(None, {"data": read})[0], rtol=1e-5)
            assert np.array_equal(found[0], found[1])
            assert np.array_equal(found[0], found[2])

    asyncio.run(scenario())


def test_waiting_requests_run_together_and_get_their_own_answers(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            gate = Gate(monkeypatch)
            tasks = [await gate.passed(engine, summed(1, 0.0))]
            tasks += [asyncio.create_task(engine.infer(summed(images, float(images)))) for images in (1, 2, 1, 3)]
            while engine.statistics("sum")[0].pending < 4:
                await asyncio.sleep(0.001)
            gate.opened.set()
            answers = await asyncio.gather(*tasks)
            assert [len(answer.outputs[0].data) for answer in answers] == [1, 1, 2, 1, 3]
            assert [answer.outputs[0].data.max() for answer in answers] == [1.0, 3.0, 5.0, 3.0, 7.0]
            assert sum(images for _, images in gate.images) == 8
            assert max(images for _, images in gate.images) <= 4

    asyncio.run(scenario())


def test_late_and_cancelled_requests_are_not_run(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            gate = Gate(monkeypatch)
            first = await gate.passed(engine, summed())
            late = asyncio.create_task(engine.infer(summed(deadline=time.monotonic() + 0.01)))
            cancelled = asyncio.create_task(engine.infer(summed()))
            with pytest.raises(TimeLimitError):
                await late
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert engine.statistics("sum")[0].pending == 0
            gate.opened.set()
            await first
            with pytest.raises(TimeLimitError):
                await engine.infer(summed(deadline=time.monotonic() - 1))
            assert gate.images == [("sum", 1)]
            assert engine.statistics("sum")[0].failures == {"TimeLimitError": 2, "CancelledError": 1}

    asyncio.run(scenario())


def test_more_requests_than_are_kept_are_refused(models, monkeypatch):
    async def scenario():
        async with serving(models, max_requests=2, max_bytes=100) as engine:
            gate = Gate(monkeypatch)
            first = await gate.passed(engine, summed())
            second = asyncio.create_task(engine.infer(summed()))
            await asyncio.sleep(0)
            with pytest.raises(OverloadedError, match="2 requests of"):
                await engine.infer(summed())
            gate.opened.set()
            await asyncio.gather(first, second)
            with pytest.raises(TooLargeError, match="at most"):
                await engine.infer(
                    InferRequest("images", (Tensor("data", "FP32", np.zeros((1, 3, 4, 4), np.float32)),))
                )
            await engine.infer(summed())

    asyncio.run(scenario())


def test_a_stop_answers_what_is_at_hand_and_refuses_the_rest(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            gate = Gate(monkeypatch)
            task = await gate.passed(engine, summed())
            stopping = asyncio.create_task(engine.stop(20.0))
            await asyncio.sleep(0)
            assert not engine.ready()
            with pytest.raises(UnavailableError):
                await engine.infer(summed())
            gate.opened.set()
            await stopping
            assert (await task).outputs

    asyncio.run(scenario())


def test_a_stop_does_not_wait_for_ever(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            gate = Gate(monkeypatch)
            running = await gate.passed(engine, summed())
            waiting = asyncio.create_task(engine.infer(summed()))
            stopping = asyncio.create_task(engine.stop(0.01))
            for task in (running, waiting):
                with pytest.raises(UnavailableError, match="stopped"):
                    await task
            gate.opened.set()
            await stopping

    asyncio.run(scenario())


def of_sum(datatype, values):
    """Return a request with these values for both inputs."""
    return InferRequest("sum", tuple(Tensor(name, datatype, values) for name in "ab"))


#: The images of a batch in reverse order.
REVERSED = 'layer { name: "r" type: "Reverse" bottom: "y" top: "reversed" reverse_param { axis: 0 } }'

WRONG = [
    (InferRequest("absent", ()), UnknownModelError, "no model 'absent'"),
    (InferRequest("sum", (), "7"), UnknownModelError, "version '7'"),
    (InferRequest("sum", ()), BadRequestError, "inputs  are given"),
    (summed(outputs=("y",)), BadRequestError, "no output 'y'"),
    (summed(outputs=("z", "z")), BadRequestError, "asked for twice"),
    (summed(5), TooLargeError, "5 images; 1 to 4"),
    (summed(0), BadRequestError, "0 images; 1 to 4"),
    (of_sum("FP64", np.zeros((1, 3))), BadRequestError, "FP64 of the shape"),
    (of_sum("FP32", np.zeros((1, 4), np.float32)), BadRequestError, r"FP32 of the shape \[1, 4\]"),
    (of_sum("FP32", np.zeros((), np.float32)), BadRequestError, "0 images"),
    (of_sum("INT64", np.full((1, 3), 1 << 40)), BadRequestError, "whole numbers"),
    (InferRequest("images", (Tensor("data", "BYTES", np.array([b"x"], object)),)), BadRequestError, "no PNG"),
    (InferRequest("images", (Tensor("data", "UINT8", np.zeros((1, 3), np.uint8)),)), BadRequestError, "UINT8 of the"),
]


def test_wrong_requests_are_refused_and_right_ones_go_on(models):
    async def scenario():
        async with serving(models) as engine:
            for request, kind, message in WRONG:
                with pytest.raises(kind, match=message):
                    await engine.infer(request)
            assert (await engine.infer(summed())).outputs

    asyncio.run(scenario())


def test_numbers_that_f32_holds_are_taken(models):
    async def scenario():
        async with serving(models) as engine:
            for datatype in ("FP16", "BF16", "INT32", "INT64", "FP32"):
                request = InferRequest("sum", tuple(from_values(name, datatype, [1, 3], [1, 2, 3]) for name in "ab"))
                assert (await engine.infer(request)).outputs[0].data.tolist() == [[2, 4, 6]]

    asyncio.run(scenario())


def test_a_request_that_fails_takes_no_others_with_it(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            gate = Gate(monkeypatch)
            tasks = [await gate.passed(engine, summed())]
            good, bad = summed(), of_sum("INT64", np.full((1, 3), 1 << 40))
            tasks += [asyncio.create_task(engine.infer(request)) for request in (good, bad, good)]
            while engine.statistics("sum")[0].pending < 3:
                await asyncio.sleep(0.001)
            gate.opened.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert [isinstance(each, BadRequestError) for each in found] == [False, False, True, False]

    asyncio.run(scenario())


def test_what_was_answered_is_not_kept(models):
    """Cycles of references keep arrays until they are looked for, which memory that is full does not bring about."""

    async def scenario():
        async with serving(models) as engine:
            good, bad = summed(), of_sum("INT64", np.full((1, 3), 1 << 40))
            held = [weakref.ref(each.data) for request in (good, bad) for each in request.inputs]
            gc.disable()
            try:
                held += [weakref.ref(each.data) for each in (await engine.infer(good)).outputs]
                with suppress(BadRequestError):
                    await engine.infer(bad)
                del good, bad
                until = time.monotonic() + 5
                while any(each() is not None for each in held):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.001)
            finally:
                gc.enable()

    asyncio.run(scenario())


def test_an_unexpected_error_ends_a_request_alone(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            with monkeypatch.context() as patched:
                patched.setattr(runtime.Session, "run", lambda *_: 1 / 0)
                with pytest.raises(UnavailableError, match="ZeroDivisionError"):
                    await engine.infer(summed())
            assert (await engine.infer(summed())).outputs

    asyncio.run(scenario())


def test_a_reload_loses_no_request(tmp_path, monkeypatch):
    write_net(tmp_path / "sum" / "1", SUM)

    async def scenario():
        async with serving(tmp_path) as engine:
            gate = Gate(monkeypatch)
            before = [await gate.passed(engine, summed()), asyncio.create_task(engine.infer(summed()))]
            for _ in range(2):  # it arrives, and waits with what has arrived beside it
                await asyncio.sleep(0)
            assert [each.pending for each in engine.statistics()] == [1]
            write_net(tmp_path / "sum" / "2", SUM)
            loading = asyncio.create_task(engine.load("sum"))
            await asyncio.sleep(0)
            gate.opened.set()
            await loading
            after = await engine.infer(summed())
            assert [(await task).version for task in before] == ["1", "1"]
            assert after.version == "2"
            states = {state.version: (state.state, state.reason) for state in engine.index()}
            assert states == {"1": (UNAVAILABLE, "unloaded"), "2": (READY, "")}
            await engine.unload("sum")
            with pytest.raises(UnavailableError, match="unloaded"):
                await engine.infer(summed())
            await engine.load("sum")
            assert (await engine.infer(summed())).version == "2"
            assert [each.pending for each in engine.statistics()] == [0, 0]

    asyncio.run(scenario())


def test_a_model_that_still_runs_is_closed_beside_the_event_loop(models, monkeypatch):
    async def scenario():
        async with serving(models) as engine:
            closed = threading.Event()
            close = Model.close
            monkeypatch.setattr(Model, "close", lambda model: (gate.opened.wait(5), close(model), closed.set()))
            gate = Gate(monkeypatch)
            running = await gate.passed(engine, summed())
            running.cancel()
            await engine.unload("sum")
            await asyncio.sleep(0.01)
            assert not closed.is_set()
            gate.opened.set()
            assert await asyncio.to_thread(closed.wait, 5)

    asyncio.run(scenario())


def test_a_bad_version_is_a_state(tmp_path):
    write_net(tmp_path / "sum" / "1", SUM)
    (tmp_path / "bad" / "1").mkdir(parents=True)
    (tmp_path / "bad" / "1" / "deploy.prototxt").write_text("layer {")
    (tmp_path / "worse").mkdir()
    (tmp_path / "worse" / "model.json").write_text("{")

    async def scenario():
        async with serving(tmp_path) as engine:
            states = {(state.name, state.version): (state.state, state.reason) for state in engine.index()}
            assert states["sum", "1"] == (READY, "")
            assert states["bad", "1"][0] == states["worse", ""][0] == UNAVAILABLE
            assert "deploy.prototxt:1:7" in states["bad", "1"][1]
            assert "not JSON" in states["worse", ""][1]
            with pytest.raises(UnavailableError, match="not ready"):
                await engine.infer(InferRequest("bad", ()))
            with pytest.raises(UnknownModelError):
                await engine.load("absent")
            (tmp_path / "sum" / "1" / "deploy.prototxt").write_text("layer {")
            with pytest.raises(UnavailableError, match="not loaded"):
                await engine.load("sum")
            assert (await engine.infer(summed())).outputs

    asyncio.run(scenario())


def test_a_net_that_joins_images_runs_each_request_alone(tmp_path, monkeypatch):
    write_net(tmp_path / "sum" / "1", SUM + REVERSED)

    async def scenario():
        async with serving(tmp_path) as engine:
            gate = Gate(monkeypatch)
            values = np.array([[0.0] * 3, [1.0] * 3], np.float32)
            request = dataclasses.replace(of_sum("FP32", values), outputs=("reversed",))
            tasks = [await gate.passed(engine, request)]
            tasks += [asyncio.create_task(engine.infer(request)) for _ in range(2)]
            gate.opened.set()
            assert [(await task).outputs[0].data.tolist() for task in tasks] == [[[2.0] * 3, [0.0] * 3]] * 3
            assert gate.images == [("sum", 2)] * 3

    asyncio.run(scenario())


def test_a_stop_while_models_are_loaded(models, monkeypatch):
    """What is being loaded is not waited for."""

    async def scenario():
        engine = LocalEngine(Repository.of(models), EngineOptions(threads=1))
        gate = Gate(monkeypatch)
        monkeypatch.setattr(Model, "warm", lambda model: iter(lambda: model.run(None, 0), None))
        starting = asyncio.create_task(engine.start())
        await asyncio.to_thread(gate.entered.wait, 5)
        stopping = asyncio.create_task(engine.stop(0.0))
        await asyncio.sleep(0)
        assert not engine.ready()
        monkeypatch.undo()
        gate.opened.set()
        await asyncio.gather(starting, stopping)
        assert not engine.ready()

    asyncio.run(scenario())
