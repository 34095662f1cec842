"""What the service has done, as Prometheus reads it: Triton's names, and some of our own.

Source: Prometheus' text format 0.0.4. It is written here, not by Prometheus' client library: that adds ``_total`` to
the names of counters, and Triton's have none.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import psutil

from xdn.serve.messages import READY, Engine, ModelState, ModelStatistics, ProcessState

#: The type of a response that is such a text.
MEDIA_TYPE = "text/plain; version=0.0.4"
#: Upper bounds of the classes in which requests are counted by their seconds, and runs by their images.
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
#: Class of error -> Triton's word for why a request failed; any other is "OTHER".
_REASONS = {
    "OverloadedError": "REJECTED",
    "TimeLimitError": "REJECTED",
    "UnavailableError": "REJECTED",
    "CancelledError": "CANCELED",
}
_OTHER = "OTHER"


@dataclass
class Histogram:
    """How many values lie under each of some bounds, and their sum.

    Parameters
    ----------
    bounds : sequence of float
        Rising; there is one class more, of what exceeds all.
    """

    bounds: Sequence[float]
    counts: list[int] = field(init=False)
    sum: float = 0.0

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float, times: int = 1) -> None:
        """Count a value, or several that are equal."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


class RequestTimes:
    """How long requests took that were answered, from the first byte's receipt on, by protocol and model."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Histogram] = {}

    def add(self, protocol: str, model: str, seconds: float) -> None:
        """Count a request; its model must be one that there is, so that names remain few."""
        self.found.setdefault((protocol, model), Histogram(SECONDS)).add(seconds)


#: The labels of a sample.
Labels = Mapping[str, str]


def text(engine: Engine, times: RequestTimes) -> str:
    """Return the metrics of a service."""
    models = [*_of_models(engine.statistics()), *_of_states(engine.index())]
    lines = [*models, *_of_requests(times), *_of_processes(engine.processes())]
    return "\n".join(lines) + "\n"


def _of_models(done: Sequence[ModelStatistics]) -> Iterator[str]:
    """Give the lines of Triton's metrics, and those of batches."""
    labelled = [({"model": each.name, "version": each.version}, each) for each in done]
    for name, help_text, value in (
        ("request_success", "Requests that were answered", lambda of: of.success.count),
        ("count", "Images that were computed", lambda of: of.inferences),
        ("exec_count", "Runs of the net, each of a batch", lambda of: of.executions),
        ("request_duration_us", "Microseconds of answered requests", lambda of: of.success.ns // 1000),
        ("queue_duration_us", "Of these: waiting", lambda of: of.queue.ns // 1000),
        ("compute_input_duration_us", "Of these: decoding and joining inputs", lambda of: of.compute_input.ns // 1000),
        ("compute_infer_duration_us", "Of these: running the net", lambda of: of.compute_infer.ns // 1000),
        ("compute_output_duration_us", "Of these: taking outputs apart", lambda of: of.compute_output.ns // 1000),
    ):
        rows = ((labels, value(each)) for labels, each in labelled)
        yield from _family(f"nv_inference_{name}", "counter", help_text, rows)
    failures = (({**labels, "reason": why}, count) for labels, each in labelled for why, count in _failures(each))
    yield from _family("nv_inference_request_failure", "counter", "Requests that failed", failures)
    pending = ((labels, each.pending) for labels, each in labelled)
    yield from _family("nv_inference_pending_request_count", "gauge", "Requests that wait", pending)
    batches = ((labels, _batches(each)) for labels, each in labelled)
    yield from _histograms("xdn_batch_images", "Images of a run", batches)


def _of_states(index: Sequence[ModelState]) -> Iterator[str]:
    ready = (({"model": each.name, "version": each.version}, int(each.state == READY)) for each in index)
    yield from _family("xdn_model_ready", "gauge", "Whether a version of a model is ready", ready)


def _failures(done: ModelStatistics) -> Iterable[tuple[str, int]]:
    """Return reason -> requests that failed for it."""
    found = dict.fromkeys((*_REASONS.values(), _OTHER), 0)
    for kind, count in done.failures.items():
        found[_REASONS.get(kind, _OTHER)] += count
    return found.items()


def _batches(done: ModelStatistics) -> Histogram:
    found = Histogram(IMAGES)
    for images, runs in done.batches.items():
        found.add(images, runs)
    return found


def _of_requests(times: RequestTimes) -> Iterator[str]:
    rows = (({"protocol": protocol, "model": model}, each) for (protocol, model), each in times.found.items())
    yield from _histograms("xdn_request_seconds", "Seconds of answered requests, in the service", rows)


def _of_processes(processes: Sequence[ProcessState]) -> Iterator[str]:
    restarts = (({"process": each.role}, each.restarts) for each in processes)
    yield from _family("xdn_process_restarts", "counter", "How often a process was replaced", restarts)
    memory = (({"process": each.role}, _resident_bytes(each.pid)) for each in processes)
    yield from _family("xdn_process_resident_bytes", "gauge", "Memory of a process", memory)


def _resident_bytes(pid: int) -> int:
    """Return the memory of a process, 0 of one that has ended."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if pid else 0
    except psutil.Error:
        return 0


def _family(name: str, kind: str, help_text: str, rows: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    yield from _head(name, kind, help_text)
    yield from (_sample(name, labels, value) for labels, value in rows)


def _histograms(name: str, help_text: str, rows: Iterable[tuple[Labels, Histogram]]) -> Iterator[str]:
    yield from _head(name, "histogram", help_text)
    for labels, found in rows:
        for bound, count in zip((*map(str, found.bounds), "+Inf"), accumulate(found.counts), strict=True):
            yield _sample(f"{name}_bucket", {**labels, "le": bound}, count)
        yield _sample(f"{name}_sum", labels, found.sum)
        yield _sample(f"{name}_count", labels, sum(found.counts))


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    said = ",".join(f'{label}="{_escaped(each)}"' for label, each in labels.items())
    return f"{name}{{{said}}} {value}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
