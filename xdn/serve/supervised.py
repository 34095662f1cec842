"""`SupervisedEngine`: a front without sessions, and a worker process that has them and is started again when it dies.

What a worker had when it died is asked once more: inference changes nothing, so that twice is as good as once. While
no worker is ready the engine is not, and refuses requests. A worker that says nothing, or runs for ever, is killed;
its clients have had their time limits meanwhile. A model that one worker after the other dies of, while it loads it, is
given up.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, replace

from xdn import settings
from xdn.serve.admission import Admission
from xdn.serve.catalog import Catalog
from xdn.serve.crashes import Crashes
from xdn.serve.datatypes import content_bytes
from xdn.serve.frames import Document
from xdn.serve.messages import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelState,
    ModelStatistics,
    ProcessState,
    ServeError,
    TimeLimitError,
    UnavailableError,
)
from xdn.serve.options import DEFAULTS, EngineOptions
from xdn.serve.process import Answer, LostError, Process
from xdn.serve.records import catalog_of, error_of, request_document, statistics_of
from xdn.serve.repository import Repository
from xdn.serve.tally import Tally, count_failure, summed

log = logging.getLogger(__name__)
#: How much later than the worker the front tells that a time limit has passed, in seconds.
_LATER_S = 0.1
#: How often a request is asked.
_TRIES = 2


class SupervisedEngine:
    """An `xdn.serve.messages.Engine` whose sessions live in another process.

    Parameters
    ----------
    repository : Repository
    options : EngineOptions
    """

    def __init__(self, repository: Repository, options: EngineOptions = DEFAULTS):
        self._repository, self._options = repository, options
        self._admission = Admission(options.max_requests, options.max_bytes)
        self._catalog: Catalog[ModelMetadata] = Catalog()
        self._own, self._ended, self._worker_tally = Tally(), Tally(), Tally()
        self._unloaded: set[str] = set()
        self._crashes = Crashes()
        self._process: Process | None = None
        self._supervising: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._stopping = False
        #: How often a worker was started again.
        self.restarts = 0

    async def start(self) -> None:
        """Start a worker, which loads the repository's models; returns when each is ready or has failed.

        Raises
        ------
        UnavailableError
            Where the worker dies before, but not of a model.
        """
        process = await self._new_process()
        while not await self._has_started(process):
            if not self._died(process) or self._stopping:
                raise UnavailableError("the worker process ended while it started", mend="It has said why, above")
            process = await self._new_process()
        self._supervising = asyncio.create_task(self._supervise(process))

    async def _has_started(self, process: Process) -> bool:
        """Return whether a worker has loaded its models, rather than died."""
        started = asyncio.create_task(self._started.wait())
        ended = asyncio.create_task(process.ended())
        await asyncio.wait([started, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (started, ended):
            task.cancel()
        return self._started.is_set()

    def _died(self, process: Process) -> str:
        """Take note that a worker has died, and return the model that it was loading, "" for none."""
        model = self._crashes.died()
        log.warning("the worker %d ended%s", process.pid, f" while it loaded the model {model}" if model else "")
        return model

    async def stop(self, grace_s: float) -> None:
        """Refuse further requests, answer those at hand for so many seconds at most, and end the worker."""
        self._stopping = True
        if self._supervising is not None:  # first, lest it starts another one
            self._supervising.cancel()
            await asyncio.wait([self._supervising])
        if self._process is not None:
            await self._process.stop(grace_s)
        self._started.set()

    def ready(self) -> bool:
        """Whether requests are answered: started, not stopping, and the worker lives."""
        return self._started.is_set() and not self._stopping

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker process, None while there is none."""
        return None if self._process is None else self._process.pid

    async def infer(self, request: InferRequest) -> InferResponse:
        """Answer a request; errors as the protocol's `infer` says."""
        received_ns = time.perf_counter_ns()
        size = sum(map(content_bytes, request.inputs))
        try:
            with self._admission.admitted(size):
                document, tensors = await self._answered(request)
        except ServeError as error:  # of the front's own; what the worker refuses it counts itself
            with suppress(ServeError):  # of versions that there are not none is counted: clients may name any
                found = self._catalog.find(request.model, request.version)
                statistics = self._own.of(found.name, found.versions[0])
                count_failure(statistics, error, received_ns=received_ns, now_ns=time.perf_counter_ns())
            raise
        _check(document)
        return InferResponse(document["model"], document["version"], tuple(tensors), request.id)

    def metadata(self, model: str, version: str = "") -> ModelMetadata:
        """Return what is known of a model that is ready; UnknownModelError and UnavailableError."""
        return replace(self._catalog.find(model, version), versions=self._catalog.versions(model))

    def index(self) -> tuple[ModelState, ...]:
        """Return the state of each version of each model in the repository, as the worker told it last."""
        return self._catalog.index()

    def statistics(self, model: str = "", version: str = "") -> tuple[ModelStatistics, ...]:
        """Return what versions have done, in all workers; of one model, or version, alone where named."""
        return summed((self._ended, self._worker_tally, self._own), model, version)

    def processes(self) -> tuple[ProcessState, ...]:
        """Return the front, which is this process, and the worker."""
        worker = ProcessState("worker", self.worker_pid or 0, self.restarts)
        return ProcessState("server", os.getpid()), worker

    async def load(self, model: str) -> None:
        """Load a model's versions as they stand in the repository now; see `LocalEngine.load`."""
        await _to_its_end(self._change("load", model, self._unloaded.discard))

    async def unload(self, model: str) -> None:
        """Take a model out of service, also of workers to come; requests that it has already are answered."""
        await _to_its_end(self._change("unload", model, self._unloaded.add))

    async def _change(self, kind: str, model: str, noted: Callable[[str], None]) -> None:
        """Load or unload a model, and note it."""
        try:
            document, _ = await (await self._living()).ask({"kind": kind, "model": model})
        except LostError:
            raise UnavailableError("the worker died meanwhile", mend="Try again later") from None
        _check(document)
        noted(model)

    async def _answered(self, request: InferRequest) -> Answer:
        """Return the answer of a worker, or of the next one where that dies, within the request's time limit."""
        if not self.ready():
            raise UnavailableError("the service is not ready", mend="Try again later")
        left_s = None if request.deadline is None else request.deadline - time.monotonic() + _LATER_S
        try:
            async with asyncio.timeout(left_s):
                for _ in range(_TRIES):
                    process = await self._living()
                    with suppress(LostError):
                        return await process.ask({"kind": "infer"} | request_document(request), request.inputs)
        except TimeoutError:
            raise TimeLimitError("the answer did not come within the request's time limit") from None
        raise UnavailableError(f"{_TRIES} workers died while they had the request")

    async def _living(self) -> Process:
        """Return the worker, once one is ready."""
        if not self._started.is_set():
            try:
                await asyncio.wait_for(self._started.wait(), settings.SERVED_WAIT_S)
            except TimeoutError:
                raise UnavailableError("the worker died, and no other is ready", mend="Try again later") from None
        if self._stopping or self._process is None:
            raise UnavailableError("the service is stopping")
        return self._process

    async def _new_process(self) -> Process:
        """Start a worker."""
        document = {
            "kind": "start",
            "root": str(self._repository.root),
            "single": self._repository.single,
            "options": asdict(self._options),
            "without": sorted(self._unloaded | {each.name for each in self._crashes.given_up()}),
        }
        process = Process(self._told)
        await process.start(document)
        self._process = process  # one that has been started: it can be stopped
        return process

    async def _supervise(self, process: Process) -> None:
        """Start a worker again whenever it ends; the sooner it ends, the later."""
        first_s, most_s = settings.SERVED_AGAIN_S
        wait_s = first_s
        while True:
            begun = time.monotonic()
            await process.ended()
            self._process = None
            self._keep_statistics()
            if time.monotonic() - begun > settings.SERVED_WELL_S:
                wait_s = first_s
            self._died(process)
            log.warning("another worker starts in %.1f s", wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, most_s)
            try:
                process = await self._new_process()
            except OSError as error:  # the system has no room for one, which may pass
                log.warning("no worker could be started: %s", error)
            else:
                self.restarts += 1

    def _keep_statistics(self) -> None:
        """Add what a worker did that has ended to what those before it did."""
        for each in summed((self._ended, self._worker_tally), "", ""):
            self._ended.put(replace(each, pending=0))
        self._worker_tally = Tally()

    def _told(self, document: Document) -> None:
        """Take note of what a worker tells."""
        if document["kind"] == "started":
            self._started.set()
        elif document["kind"] == "lost":
            self._started.clear()
        elif document["kind"] == "catalog":
            states, metadata = catalog_of(document)
            ready: dict[str, dict[str, ModelMetadata]] = {}
            for each in metadata:
                ready.setdefault(each.name, {})[each.versions[0]] = each
            self._catalog.told((*states, *self._crashes.given_up()), ready)
        elif document["kind"] == "loading":
            self._crashes.loading(document["model"])
        elif document["kind"] == "statistics":
            for statistics in statistics_of(document["statistics"]):
                self._worker_tally.put(statistics)
        elif document["running_s"] > settings.SERVED_HUNG_S and self._process is not None:
            log.error("a run has taken %.0f s; the worker is ended", document["running_s"])
            self._process.kill()


async def _to_its_end(change: Coroutine[None, None, None]) -> None:
    """Wait for a change, which goes on where nobody waits for it any more; what comes of it the index tells, too."""
    task = asyncio.ensure_future(change)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.shield(task)


def _check(document: Document) -> None:
    """Raise the error that an answer tells."""
    if "error" in document:
        raise error_of(document)
