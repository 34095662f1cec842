"""A profiled run as a trace that Perfetto and Chrome's about:tracing show: a row a thread."""

from typing import Any

from xdn.runtime.profile import LayerProfile, Profile


def trace(profile: Profile, title: str) -> dict[str, Any]:
    """Return the trace as JSON values, in the Trace Event Format.

    A thread works on one chunk of images after another, through all layers each time; a profile has the sums over the
    chunks. So each thread's row has one slice a layer, as long as the thread spent in it altogether, in the order of
    the layers.

    Parameters
    ----------
    profile : Profile
    title : str
        What the process is called.
    """
    events: list[dict[str, Any]] = [_name("process_name", title, 0)]
    events += [_name("thread_name", f"thread {worker}", worker) for worker in range(profile.workers)]
    ends_us = [0.0] * profile.workers
    for layer in profile.layers:
        # A layer that is computed on whole batches runs alone, while all threads wait.
        alone = len(layer.worker_ms) != profile.workers
        if alone:
            ends_us = [max(ends_us)] * profile.workers
        for worker, ms in enumerate([layer.ms] if alone else layer.worker_ms):
            events.append(_slice(layer, worker, ends_us[worker], 1e3 * ms))
            ends_us[worker] += 1e3 * ms
        if alone:
            ends_us = [max(ends_us)] * profile.workers
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _name(what: str, name: str, thread: int) -> dict[str, Any]:
    return {"ph": "M", "pid": 1, "tid": thread, "name": what, "args": {"name": name}}


def _slice(layer: LayerProfile, thread: int, begin_us: float, length_us: float) -> dict[str, Any]:
    told = {"kernels": list(layer.kernels), "macs_per_image": layer.macs, "percent_of_peak": layer.peak_percent}
    return {
        "ph": "X",
        "pid": 1,
        "tid": thread,
        "ts": begin_us,
        "dur": length_us,
        "name": layer.name,
        "cat": layer.type or "conversion",
        "args": told,
    }
