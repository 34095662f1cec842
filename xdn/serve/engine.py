"""`LocalEngine`: answers requests in this process, one thread running joined requests one batch after the other."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

from xdn.cpus import available_cpus
from xdn.errors import XdnError, listed
from xdn.graph import Feed
from xdn.serve.admission import Admission
from xdn.serve.advice import told
from xdn.serve.catalog import Catalog
from xdn.serve.executing import Executing
from xdn.serve.line import Line, Ran, Waiting
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
from xdn.serve.model import Model, load_net
from xdn.serve.options import DEFAULTS, EngineOptions
from xdn.serve.repository import Repository, Version
from xdn.serve.tally import Tally, count_failure, count_run, count_success

T = TypeVar("T")
log = logging.getLogger(__name__)
#: How often a stopping engine looks whether all requests are answered, in seconds.
_LOOK_S = 0.01


class LocalEngine:
    """An `xdn.serve.messages.Engine` of this process.

    Requests are checked in the event loop, and images made what nets read in a pool of threads. What is ready waits in
    a line a model, from which one thread takes and runs batches, with all threads of the model's session. A request
    that is cancelled, or late, leaves its line; a run that has begun is not broken off.

    Parameters
    ----------
    repository : Repository
    options : EngineOptions
    without : collection of str
        Models that are not loaded at the start.
    loading : callable
        Told the name of a model before it is loaded, and "" afterwards.
    """

    def __init__(
        self,
        repository: Repository,
        options: EngineOptions = DEFAULTS,
        without: Collection[str] = frozenset(),
        loading: Callable[[str], object] = lambda model: None,
    ):
        self._repository, self._options, self._without = repository, options, without
        self._catalog: Catalog[Line] = Catalog()
        self._loading = loading
        self._tally = Tally()
        self._admission = Admission(options.max_requests, options.max_bytes)
        self._executing = Executing(self._ran)
        self._loader = ThreadPoolExecutor(1, "xdn-serve-load")
        self._decoders = ThreadPoolExecutor(options.threads or available_cpus(), "xdn-serve-images")
        # A future holds its run, and that its requests: none of these may hold the future, lest memory is kept.
        self._waiting: dict[Waiting, asyncio.Future[Ran]] = {}
        self._arrived: list[tuple[Line, Waiting]] = []
        self._started = self._stopping = False
        self._one_load = asyncio.Lock()

    async def start(self) -> None:
        """Load the repository's models; returns when each is ready or has failed."""
        self._loop = asyncio.get_running_loop()
        self._executing.start()
        for name in await self._in_loader(self._repository.models):
            if name not in self._without:
                with suppress(ServeError):  # the index tells
                    await self.load(name)
        self._started = True

    async def stop(self, grace_s: float) -> None:
        """Refuse further requests, answer those at hand for so many seconds at most, and end."""
        self._stopping = True
        until = time.monotonic() + grace_s
        while self._admission.requests and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(UnavailableError("the service has stopped"))
        await asyncio.to_thread(self._executing.stop)
        for pool in (self._loader, self._decoders):
            pool.shutdown(wait=False)
        for line in self._catalog.ready():
            line.retire()

    def ready(self) -> bool:
        """Whether requests are answered: started, and not stopping."""
        return self._started and not self._stopping

    def running_s(self) -> float:
        """Return for how long the present run has taken, in seconds."""
        return self._executing.running_s()

    async def infer(self, request: InferRequest) -> InferResponse:
        """Answer a request; errors as the protocol's `infer` says."""
        received_ns = time.perf_counter_ns()
        if not self.ready():
            raise UnavailableError("the service is not ready")
        line = self._catalog.find(request.model, request.version)
        model = line.model
        statistics = self._tally.of(model.name, model.version)
        try:
            waiting, ran = await self._ran_with(line, request)
        except BaseException as error:
            count_failure(statistics, error, received_ns=received_ns, now_ns=time.perf_counter_ns())
            raise
        outputs = model.outputs(request, ran.results_of(waiting))
        count_success(statistics, ran, waiting, received_ns=received_ns, now_ns=time.perf_counter_ns())
        return InferResponse(model.name, model.version, outputs, request.id)

    def metadata(self, model: str, version: str = "") -> ModelMetadata:
        """Return what is known of a model that is ready; UnknownModelError and UnavailableError."""
        own = self._catalog.find(model, version).model.metadata
        return replace(own, versions=self._catalog.versions(model))

    def all_metadata(self) -> tuple[ModelMetadata, ...]:
        """Return the metadata of each version that is ready, by itself."""
        return tuple(line.model.metadata for line in self._catalog.ready())

    def index(self) -> tuple[ModelState, ...]:
        """Return the state of each version of each model in the repository."""
        return self._catalog.index()

    def statistics(self, model: str = "", version: str = "") -> tuple[ModelStatistics, ...]:
        """Return what versions that are, or were, ready have done; of one model, or version, alone where named."""
        for each in self._tally.selected("", ""):  # those that are not ready any more, too
            each.pending = 0
        for line in self._catalog.ready():
            self._tally.of(line.model.name, line.model.version).pending = len(line)
        return self._tally.selected(model, version)

    def processes(self) -> tuple[ProcessState, ...]:
        """Return this process."""
        return (ProcessState("server", os.getpid()),)

    async def load(self, model: str) -> None:
        """Load a model's versions as they stand in the repository now, and put them in place of loaded ones.

        Versions that fail are left out, where one is ready; the index says why.

        Raises
        ------
        UnknownModelError
            Where the repository does not have it.
        UnavailableError
            Where no version could be loaded; loaded ones stay.
        """
        async with self._one_load:
            if self._stopping:
                raise UnavailableError("the service is stopping")
            self._loading(model)
            try:
                await self._load(model)
            finally:
                self._loading("")

    async def _load(self, model: str) -> None:
        """Load a model's versions, while nothing else is loaded."""
        try:
            versions = await self._in_loader(self._repository.versions, model)
        except ServeError:
            raise
        except (XdnError, OSError) as error:
            self._catalog.failed(model, {"": str(error)})
            raise UnavailableError(str(error)) from error
        ready: dict[str, Line] = {}
        reasons: dict[str, str] = {}
        for version in versions:
            self._catalog.loading(model, version.number)
            try:
                ready[version.number] = await self._in_loader(self._loaded, version)
            except Exception as error:  # a damaged version must not end the service, whatever is wrong in it
                reasons[version.number] = told(error)
                log.warning("model %s, version %s: %s", model, version.number, told(error))
        if ready:
            for line in self._catalog.replace(model, ready):
                line.retire()
        self._catalog.failed(model, reasons)
        if not ready:
            raise UnavailableError(f"the model {model!r} was not loaded: {listed(list(reasons.values()))}")

    async def unload(self, model: str) -> None:
        """Take a model out of service; requests that it has already are answered."""
        self._catalog.find(model)
        for line in self._catalog.replace(model, {}):
            line.retire()

    async def _ran_with(self, line: Line, request: InferRequest) -> tuple[Waiting, Ran]:
        """Return the run that a request was part of."""
        model = line.model
        images = model.signature.images_of(request)
        left_s = None if request.deadline is None else request.deadline - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise TimeLimitError("the request's time limit had passed when it came")
        with self._admission.admitted(model.signature.bytes_of(request, images)), line.used():
            try:
                async with asyncio.timeout(left_s):
                    waiting = Waiting(images, await self._feed(model, request))
                    return waiting, await self._run_of(line, waiting)
            except TimeoutError:
                raise TimeLimitError("the answer did not come within the request's time limit") from None

    async def _feed(self, model: Model, request: InferRequest) -> Feed:
        """Return what the session reads for a request; images are made that in a pool of threads."""
        if model.signature.quick(request):
            return model.feed(request)
        unwanted = threading.Event()
        try:
            return await self._loop.run_in_executor(self._decoders, model.feed, request, unwanted)
        finally:
            unwanted.set()

    async def _run_of(self, line: Line, waiting: Waiting) -> Ran:
        """Return the run that a request was part of; it leaves its line where nobody waits for it any more."""
        self._waiting[waiting] = self._loop.create_future()
        try:
            self._arrive(line, waiting)
            return await self._waiting[waiting]
        except BaseException:
            self._executing.drop(line, waiting)
            raise
        finally:
            del self._waiting[waiting]

    def _arrive(self, line: Line, waiting: Waiting) -> None:
        """Let a request wait from the next turn of the event loop on, with those that arrive in the same one."""
        if not self._arrived:
            self._loop.call_soon(self._hand_over)
        self._arrived.append((line, waiting))

    def _hand_over(self) -> None:
        """Let the requests wait that have arrived, and that somebody waits for still."""
        arrived = [each for each in self._arrived if each[1] in self._waiting]
        self._arrived.clear()
        try:
            self._executing.put(arrived)
        except UnavailableError as error:
            for _, waiting in arrived:
                self._waiting[waiting].set_exception(error)

    def _ran(self, line: Line, ran: Ran) -> None:
        """Hand a run over to the event loop; called in the thread that runs."""
        with suppress(RuntimeError):  # the loop has ended, and with it who would read the answer
            self._loop.call_soon_threadsafe(self._answer, line, ran)

    def _answer(self, line: Line, ran: Ran) -> None:
        """Let those go on who wait for a run."""
        count_run(self._tally.of(line.model.name, line.model.version), ran)
        for future in filter(None, map(self._waiting.get, ran.batch)):
            if future.done():
                continue
            if ran.error is None:
                future.set_result(ran)
            else:
                future.set_exception(ran.error)

    async def _in_loader(self, work: Callable[..., T], *args: object) -> T:
        """Return what `work` returns, called in the thread that loads."""
        return await self._loop.run_in_executor(self._loader, work, *args)

    def _loaded(self, version: Version) -> Line:
        """Return the line of a version, loaded, compiled and measured."""
        config = version.config
        net = load_net(self._repository.net_of(version), config)
        self._repository.check_mean(net)
        model = Model(version.model, version.number, net, config, self._options.threads)
        limit_s = self._options.max_latency_s if config.max_latency_ms is None else config.max_latency_ms / 1e3
        model.compile()
        steps = model.warm()
        while self._executing.call(lambda: next(steps, _END) is not _END):
            pass
        return Line(model, limit_s, partial(self._close, model))

    def _close(self, model: Model) -> None:
        """Close a model: as long as requests are answered in the thread that loads, since its last run may go on."""
        try:
            self._loader.submit(model.close)
        except RuntimeError:  # that thread has ended, and with it all runs
            model.close()


_END = object()
