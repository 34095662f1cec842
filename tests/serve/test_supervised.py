"""The front of a service and its worker process."""

import asyncio
import os
import signal
import time

import numpy as np
import pytest

from tests.serve.nets import SUM, write_net
from xdn import settings
from xdn.serve import supervised
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
from xdn.serve.options import EngineOptions
from xdn.serve.process import LostError
from xdn.serve.repository import Repository
from xdn.serve.supervised import SupervisedEngine


def summed(value=1.0, **fields):
    """Return a request for a + b."""
    a = np.full((1, 3), value, np.float32)
    return InferRequest("sum", (Tensor("a", "FP32", a), Tensor("b", "FP32", a + 1)), outputs=("z",), **fields)


def test_a_killed_worker_loses_no_request(tmp_path):
    """Two processes are started, which takes seconds: that is what is tested."""
    write_net(tmp_path / "sum" / "1", SUM)

    async def scenario():
        engine = SupervisedEngine(Repository.of(tmp_path), EngineOptions(threads=1))
        await engine.start()
        assert engine.ready()
        answer = await engine.infer(summed(id="mine"))
        assert (answer.version, answer.id, answer.outputs[0].data.tolist()) == ("1", "mine", [[3.0] * 3])
        assert [(state.name, state.state) for state in engine.index()] == [("sum", READY)]
        assert engine.metadata("sum").versions == ("1",)
        with pytest.raises(BadRequestError, match="no output 'y'"):
            await engine.infer(InferRequest("sum", summed().inputs, outputs=("y",)))
        with pytest.raises(UnknownModelError):
            await engine.load("absent")
        await engine.load("sum")
        while not engine.statistics() or not engine.statistics()[0].success.count:
            await asyncio.sleep(0.001)

        os.kill(engine.worker_pid, signal.SIGSTOP)
        tasks = [asyncio.create_task(engine.infer(summed(float(value)))) for value in range(5)]
        with pytest.raises(TimeLimitError):
            await engine.infer(summed(deadline=time.monotonic() + 0.01))
        os.kill(engine.worker_pid, signal.SIGKILL)
        while engine.ready():
            await asyncio.sleep(0.001)
        with pytest.raises(UnavailableError, match="not ready"):
            await engine.infer(summed())
        answers = await asyncio.gather(*tasks)
        assert [answer.outputs[0].data[0, 0] for answer in answers] == [1.0, 3.0, 5.0, 7.0, 9.0]
        assert engine.restarts == 1
        await engine.stop(5.0)
        (counted,) = engine.statistics()
        assert (counted.success.count, counted.inferences) == (6, 6)
        assert counted.failures["UnavailableError"] == counted.failures["TimeLimitError"] == 1

    asyncio.run(scenario())


class FakeProcess:
    """A worker process that exists in the test alone."""

    pid = 0
    #: All that were made.
    made: list = []

    def __init__(self, told):
        self.told, self.end, self.killed = told, asyncio.Event(), False
        self.made.append(self)

    async def start(self, document):
        self.document = document
        state = {"name": "sum", "version": "1", "state": READY, "reason": ""}
        ready = {"name": "sum", "versions": ["1"], "platform": "xdn", "inputs": [], "outputs": []}
        self.told({"kind": "catalog", "states": [state], "ready": [ready]})
        self.told({"kind": "started"})

    async def ask(self, document, tensors=()):
        await self.end.wait()
        raise LostError

    def kill(self):
        self.killed = True
        self.told({"kind": "lost"})
        self.end.set()

    async def ended(self):
        await self.end.wait()

    async def stop(self, grace_s):
        self.end.set()


@pytest.fixture(name="made")
def fixture_made(monkeypatch):
    """Let engines make processes that exist in the test alone; return the list of them."""
    monkeypatch.setattr(supervised, "Process", FakeProcess)
    monkeypatch.setattr(FakeProcess, "made", [])
    monkeypatch.setattr(settings, "SERVED_AGAIN_S", (0.001, 0.01))
    return FakeProcess.made


def with_fakes(tmp_path, scenario, **options):
    """Run a scenario that is given an engine."""

    async def run():
        engine = SupervisedEngine(Repository.of(tmp_path), EngineOptions(**options))
        await engine.start()
        try:
            await scenario(engine)
        finally:
            await engine.stop(0.0)

    asyncio.run(run())


def test_a_request_that_kills_workers_is_given_up(tmp_path, made):
    async def scenario(engine):
        task = asyncio.create_task(engine.infer(summed()))
        for number in range(2):
            while len(made) <= number or not engine.ready():
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.005)
            made[number].kill()
        with pytest.raises(UnavailableError, match="2 workers died"):
            await task
        assert engine.statistics()[0].failures == {"UnavailableError": 1}

    with_fakes(tmp_path, scenario)


def test_a_model_that_workers_die_of_is_given_up(tmp_path, made, monkeypatch):
    """One that loads dies of "bad", also at the first start, until it is told to do without."""
    start = FakeProcess.start

    async def dying(process, document):
        if "bad" in document["without"]:
            await start(process, document)
        else:
            process.told({"kind": "loading", "model": "bad"})
            process.kill()
        process.document = document

    monkeypatch.setattr(FakeProcess, "start", dying)

    async def scenario(engine):
        assert [process.document["without"] for process in made] == [[]] * settings.SERVED_DEATHS + [["bad"]]
        bad, good = engine.index()
        assert (bad.name, bad.state) == ("bad", UNAVAILABLE)
        assert (good.name, good.state) == ("sum", READY)
        made[-1].kill()
        while len(made) < settings.SERVED_DEATHS + 2 or not engine.ready():
            await asyncio.sleep(0.001)
        assert made[-1].document["without"] == ["bad"]
        made[-1].told({"kind": "loading", "model": "bad"})
        made[-1].told({"kind": "loading", "model": ""})
        made[-1].kill()
        while len(made) < settings.SERVED_DEATHS + 3:
            await asyncio.sleep(0.001)
        assert made[-1].document["without"] == []

    with_fakes(tmp_path, scenario)


def test_a_worker_that_dies_of_nothing_that_it_tells_ends_the_start(tmp_path, made, monkeypatch):
    async def dying(process, document):
        process.kill()

    monkeypatch.setattr(FakeProcess, "start", dying)
    with pytest.raises(UnavailableError, match="ended while it started"):
        with_fakes(tmp_path, None)


def test_a_worker_whose_run_does_not_end_is_killed(tmp_path, made):
    async def scenario(engine):
        made[0].told({"kind": "pong", "running_s": 1.0})
        assert not made[0].killed
        made[0].told({"kind": "pong", "running_s": settings.SERVED_HUNG_S + 1})
        assert made[0].killed
        while len(made) < 2:
            await asyncio.sleep(0.001)

    with_fakes(tmp_path, scenario)


def test_a_worker_that_cannot_be_started_is_tried_again(tmp_path, made, monkeypatch):
    async def scenario(engine):
        with monkeypatch.context() as patched:
            refused = asyncio.Event()

            async def start(process, document):
                refused.set()
                raise BlockingIOError(11, "no room")

            patched.setattr(FakeProcess, "start", start)
            made[0].kill()
            await refused.wait()
            assert not engine.ready()
            assert engine.worker_pid is None
        while not engine.ready():
            await asyncio.sleep(0.001)
        assert engine.restarts == 1

    with_fakes(tmp_path, scenario)


def test_versions_that_clients_make_up_are_not_counted(tmp_path, made):
    async def scenario(engine):
        for version in ("1", "", "7", "8"):
            with pytest.raises(TooLargeError):
                await engine.infer(summed(version=version))
        assert [(each.version, each.fail.count) for each in engine.statistics()] == [("1", 2)]

    with_fakes(tmp_path, scenario, max_bytes=1)


def test_a_change_that_has_begun_is_done(tmp_path, made, monkeypatch):
    async def scenario(engine):
        asked, answered = asyncio.Event(), asyncio.Event()

        async def ask(process, document, tensors=()):
            asked.set()
            await answered.wait()
            return {}, []

        monkeypatch.setattr(FakeProcess, "ask", ask)
        unloading = asyncio.create_task(engine.unload("sum"))
        await asked.wait()
        unloading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unloading
        answered.set()
        await asyncio.sleep(0.001)
        made[0].kill()
        while len(made) < 2 or not engine.ready():
            await asyncio.sleep(0.001)
        assert made[1].document["without"] == ["sum"]

    with_fakes(tmp_path, scenario)


def test_a_stop_while_a_worker_is_being_started(tmp_path, monkeypatch):
    async def scenario():
        begun = asyncio.Event()

        async def never(*command, **options):
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio, "create_subprocess_exec", never)
        engine = SupervisedEngine(Repository.of(tmp_path))
        starting = asyncio.create_task(engine.start())
        await begun.wait()
        starting.cancel()
        await engine.stop(0.0)
        assert not engine.ready()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(scenario())


def test_a_stop_while_a_worker_is_being_started_again(tmp_path, made, monkeypatch):
    async def scenario(engine):
        begun = asyncio.Event()

        async def never(process, document):
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(FakeProcess, "start", never)
        made[0].kill()
        await begun.wait()
        await engine.stop(0.0)
        assert engine.worker_pid is None

    with_fakes(tmp_path, scenario)


def test_the_front_keeps_no_more_than_it_may(tmp_path, made):
    async def scenario(engine):
        task = asyncio.create_task(engine.infer(summed()))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await engine.infer(summed())
        assert engine.statistics()[0].failures == {"OverloadedError": 1}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with_fakes(tmp_path, scenario, max_requests=1)
