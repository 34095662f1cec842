"""The front's end of a worker process."""

import asyncio
import os
import socket
import time

import pytest

from xdn import settings
from xdn.serve.frames import Wire
from xdn.serve.process import Process


class FakeWorker:
    """A process that exists in the test alone; it has the other end of the wire."""

    pid, returncode = 0, None

    def __init__(self, end):
        self.wire, self.killed = Wire(end), asyncio.Event()

    async def wait(self):
        await self.killed.wait()

    def kill(self):
        self.returncode = -9
        self.killed.set()
        self.wire.close()


@pytest.fixture
def workers(monkeypatch):
    """Let processes be started that exist in the test alone; return the list of them."""
    made = []

    async def start(*command, pass_fds, **options):
        made.append(FakeWorker(socket.socket(fileno=os.dup(pass_fds[0]))))
        return made[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    # Of a process 0 the system would kill those that run this test.
    monkeypatch.setattr(os, "kill", lambda pid, number: made[-1].kill())
    monkeypatch.setattr(settings, "SERVED_PING_S", 0.002)
    monkeypatch.setattr(settings, "SERVED_SILENCE_S", 0.02)
    return made


def test_a_worker_that_says_nothing_is_killed(workers):
    async def scenario():
        process = Process(lambda document: None)
        await process.start({"kind": "start"})
        await asyncio.wait_for(process.ended(), 5.0)
        assert workers[0].returncode == -9

    asyncio.run(scenario())


def test_a_worker_is_not_blamed_for_the_time_in_which_its_front_was_stopped(workers):
    """As a container does that is frozen for a while: nobody could say anything."""

    async def scenario():
        process = Process(lambda document: None)
        await process.start({"kind": "start"})
        (worker,) = workers
        for stopped_s in (0.0, 0.05, 0.0, 0.05, 0.0):
            while (await worker.wire.receive())[0]["kind"] != "ping":
                pass
            time.sleep(stopped_s)
            worker.wire.put({"kind": "pong"})
        assert worker.returncode is None
        process.kill()
        await process.ended()

    asyncio.run(scenario())
