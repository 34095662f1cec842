"""The worker's end of the wire."""

import asyncio
import socket

import pytest

from tests.serve.engines import Adder
from xdn.serve.frames import Wire
from xdn.serve.worker import Worker


class Starting(Adder):
    """An engine whose start does not end, or ends with an error."""

    def __init__(self, error=None):
        super().__init__()
        self.failure = error

    async def start(self):
        if self.failure:
            raise self.failure
        await asyncio.Event().wait()

    def all_metadata(self):
        return ()


def served(engine, *frames):
    """Let a worker serve that gets these frames, and return those that it sends."""

    async def run():
        ends = socket.socketpair()
        front, own = map(Wire, ends)
        for frame in frames:
            front.put(frame)
        await asyncio.wait_for(Worker(own, engine).serve(), 5)
        own.close()
        found = []
        try:
            while True:
                found.append(await front.receive())
        except EOFError:
            front.close()
            return [document["kind"] for document, _ in found]

    return asyncio.run(run())


def test_an_engine_that_does_not_start_ends_the_worker():
    with pytest.raises(ExceptionGroup) as raised:
        served(Starting(PermissionError("models")))
    assert raised.group_contains(PermissionError)


def test_a_stop_does_not_wait_for_the_start():
    assert served(Starting(), {"kind": "stop", "grace_s": 0.0}) == ["statistics"]


def test_a_request_that_is_cancelled_as_it_comes_is_forgotten():
    async def run():
        front, own = map(Wire, socket.socketpair())
        worker = Worker(own, Starting())
        # Both are there before the worker begins.
        front.put({"kind": "infer", "number": 7, "model": "add"})
        front.put({"kind": "cancel", "number": 7})
        front.put({"kind": "stop", "grace_s": 0.0})
        await asyncio.wait_for(worker.serve(), 5)
        await asyncio.sleep(0)
        own.close()
        front.close()
        return worker._tasks

    assert asyncio.run(run()) == {}
