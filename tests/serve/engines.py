"""What tests of protocols share: an engine that adds and doubles, or does otherwise where a test wants that."""

import asyncio
import json
import os
import threading
import time
from contextlib import contextmanager

import numpy as np

from xdn.serve.datatypes import name_of
from xdn.serve.front import Front
from xdn.serve.limits import Limits, now
from xdn.serve.messages import (
    LOADING,
    READY,
    BadRequestError,
    InferResponse,
    ModelMetadata,
    ModelState,
    ModelStatistics,
    ProcessState,
    Tensor,
    TensorMetadata,
    TimeLimitError,
    UnavailableError,
    UnknownModelError,
)

METADATA = ModelMetadata(
    "add",
    ("1",),
    "xdn",
    (TensorMetadata("x", "FP32", (-1, 2)), TensorMetadata("y", "FP32", (-1, 2))),
    (TensorMetadata("sum", "FP32", (-1, 2)), TensorMetadata("double", "FP32", (-1, 2))),
    max_batch=8,
)

#: A request of inference over HTTP.
BODY = json.dumps(
    {"inputs": [{"name": name, "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} for name in "xy"]}
).encode()


class Adder:
    """Its model is "add": `sum` is x + y, `double` 2 x; BYTES are joined. The model "slow" waits until it is let go.

    Parameters
    ----------
    error : Exception, optional
        What each request of inference raises instead; a test may set it at any time.
    """

    def __init__(self):
        self.error, self.running, self.cancelled, self.asked = None, 0, 0, []
        self.done = ModelStatistics("add", "1")
        self.loaded, self.is_ready, self.let_go = {"add", "slow"}, False, threading.Event()

    async def start(self):
        self.is_ready = True

    async def stop(self, grace_s):
        self.is_ready = False
        end = now() + grace_s
        while self.running and now() < end:
            await asyncio.sleep(0.005)

    def ready(self):
        return self.is_ready

    def _found(self, model, version):
        if model not in ("add", "slow") or version not in ("", "1"):
            raise UnknownModelError(f"there is no model {model!r}")
        if model not in self.loaded:
            raise UnavailableError(f"the model {model!r} is not ready")

    async def infer(self, request):
        self.asked.append(request)
        if not self.is_ready:
            raise UnavailableError("the service is stopping")
        self._found(request.model, request.version)
        if self.error:
            raise self.error
        self.running += 1
        try:
            while request.model == "slow" and not self.let_go.is_set():
                if request.deadline < now():
                    raise TimeLimitError("not done in time")
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        self.done.success.add(1_000_000)
        self.done.inferences += len(request.inputs[0].data)
        return InferResponse(request.model, "1", self._outputs(request), request.id)

    def _outputs(self, request):
        given = {each.name: each.data for each in request.inputs}
        if set(given) != {"x", "y"}:
            raise BadRequestError("inputs are x and y")
        made = {"sum": given["x"] + given["y"], "double": given["x"] + given["x"]}
        return tuple(
            Tensor(name, name_of(made[name].dtype), np.asarray(made[name])) for name in request.outputs or made
        )

    def metadata(self, model, version=""):
        self._found(model, version)
        return METADATA

    def index(self):
        return tuple(ModelState(name, "1", READY if name in self.loaded else LOADING) for name in ("add", "slow"))

    def statistics(self, model="", version=""):
        self._found(model or "add", version)
        return (self.done,)

    def processes(self):
        return (ProcessState("server", os.getpid()),)

    async def load(self, model):
        self.loaded.add(model)

    async def unload(self, model):
        self.loaded.discard(model)


def until(what, seconds=5.0):
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


@contextmanager
def serving(engine, limits=None, log=None):
    """Give a service in a thread, on ports that the system chooses."""
    from xdn.serve.service import Service

    service = Service(Front(engine, limits or Limits(), log), "127.0.0.1", 0, 0)
    loop, stopped = asyncio.new_event_loop(), threading.Event()
    started = asyncio.run_coroutine_threadsafe(service.start(), loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        started.result(10)
        service.loop = loop
        yield service
    finally:
        if not stopped.is_set():
            asyncio.run_coroutine_threadsafe(service.stop(0.2), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
