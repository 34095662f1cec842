"""What passes between the protocols and the engine: requests and responses in memory, models, and what may go wrong."""

from dataclasses import dataclass, field
from typing import Protocol

from xdn.errors import XdnError
from xdn.graph import Array, Shape


class ServeError(XdnError):
    """A request was not answered; each protocol has a status of its own for each class."""


class BadRequestError(ServeError):
    """The request contradicts the protocol or the model: HTTP 400, INVALID_ARGUMENT."""


class UnknownModelError(ServeError):
    """There is no such model, or version: HTTP 404, NOT_FOUND."""


class TooLargeError(ServeError):
    """The request is larger than the service takes: HTTP 413, RESOURCE_EXHAUSTED."""


class OverloadedError(ServeError):
    """More requests wait than the service keeps: HTTP 429, RESOURCE_EXHAUSTED; the client may try again later."""


class UnavailableError(ServeError):
    """The model is not ready, or the service is stopping: HTTP 503, UNAVAILABLE."""


class TimeLimitError(ServeError):
    """The answer did not come within the request's time limit: HTTP 504, DEADLINE_EXCEEDED."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """An input or an output of a request.

    Parameters
    ----------
    name : str
    datatype : str
        The protocol's name, such as ``"FP32"`` (`xdn.serve.datatypes`).
    data : array
        Of the datatype's NumPy type; of ``BYTES`` an array of objects, each `bytes`.
    """

    name: str
    datatype: str
    data: Array

    @property
    def shape(self) -> Shape:
        """Its axes, that of the batch first."""
        return self.data.shape


@dataclass(frozen=True, eq=False)
class InferRequest:
    """What a client wants computed.

    Parameters
    ----------
    model, version : str
        "" stands for the latest version that is ready.
    inputs : tuple of Tensor
    outputs : tuple of str
        In the order in which they are wanted; none stands for all outputs of the model.
    id : str
        The client's own; the response has it, too.
    deadline : float, optional
        Until when the answer is of use, on the clock of `time.monotonic`; in seconds.
    """

    model: str
    inputs: tuple[Tensor, ...]
    version: str = ""
    outputs: tuple[str, ...] = ()
    id: str = ""
    deadline: float | None = None


@dataclass(frozen=True, eq=False)
class InferResponse:
    """What was computed, and by which version."""

    model: str
    version: str
    outputs: tuple[Tensor, ...]
    id: str = ""


@dataclass(frozen=True)
class TensorMetadata:
    """Name, datatype and shape of a model's input or output; -1 stands for an axis of any extent."""

    name: str
    datatype: str
    shape: Shape


@dataclass(frozen=True)
class ModelMetadata:
    """What the protocol tells of a model: versions that are ready, and the latest one's inputs and outputs.

    `max_batch` is the most images of a request, 0 where the first axis of its tensors is no batch.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    max_batch: int = 0


#: The states of a version in the repository's index.
READY, LOADING, UNLOADING, UNAVAILABLE = "READY", "LOADING", "UNLOADING", "UNAVAILABLE"


@dataclass(frozen=True)
class ModelState:
    """A version of a model in the repository: one of the states, and why it is not ready."""

    name: str
    version: str
    state: str
    reason: str = ""


@dataclass
class Duration:
    """How often something was done, and the nanoseconds that it took in all."""

    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        """Count one time more."""
        self.count += 1
        self.ns += ns


@dataclass
class ModelStatistics:
    """What a version has done since it was loaded, as the protocol's statistics and the metrics tell it.

    Parameters
    ----------
    name, version : str
    inferences : int
        Images: a request with a batch of 8 counts 8 times.
    executions : int
        Runs of the session; fewer than requests where these were joined.
    success, fail : Duration
        Whole requests, from the engine's receipt to its answer.
    queue, compute_input, compute_infer, compute_output : Duration
        Of the successful requests: waiting; decoding and joining; the session's run; taking apart.
    failures : mapping
        Class of error -> how many requests ended with it.
    batches : mapping
        Images of a run -> how many runs had so many.
    pending : int
        Requests that wait now.
    """

    name: str
    version: str
    inferences: int = 0
    executions: int = 0
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    compute_output: Duration = field(default_factory=Duration)
    failures: dict[str, int] = field(default_factory=dict)
    batches: dict[int, int] = field(default_factory=dict)
    pending: int = 0


@dataclass(frozen=True)
class ProcessState:
    """A process of the service: what it does, its number (0 while it is not there), and how often it was replaced."""

    role: str
    pid: int
    restarts: int = 0


class Engine(Protocol):
    """What answers requests; all its methods are called in one event loop, and none blocks it.

    A request whose task is cancelled is not computed where it still waits.
    """

    async def start(self) -> None:
        """Load the repository's models; returns when each is ready or has failed."""

    async def stop(self, grace_s: float) -> None:
        """Refuse further requests, answer those at hand for so many seconds at most, and end."""

    def ready(self) -> bool:
        """Whether requests are answered: started, not stopping, and no worker missing."""

    async def infer(self, request: InferRequest) -> InferResponse:
        """Answer a request.

        Raises
        ------
        ServeError
            As its classes say.
        """

    def metadata(self, model: str, version: str = "") -> ModelMetadata:
        """Return what is known of a model that is ready; UnknownModelError and UnavailableError."""

    def index(self) -> tuple[ModelState, ...]:
        """Return the state of each version of each model in the repository."""

    def statistics(self, model: str = "", version: str = "") -> tuple[ModelStatistics, ...]:
        """Return what versions that are, or were, ready have done; of one model, or version, alone where named."""

    def processes(self) -> tuple[ProcessState, ...]:
        """Return the processes that hold models, and this one."""

    async def load(self, model: str) -> None:
        """Load a model's versions as they stand in the repository now, and put them in place of loaded ones.

        Requests go to the old ones until the new ones are ready; UnknownModelError, or what made loading fail.
        """

    async def unload(self, model: str) -> None:
        """Take a model out of service; requests that it has already are answered."""
