"""A measured run as a trace that Perfetto and Chrome's about:tracing show: a row a thread."""

from typing import Any

from xdn.runtime.profile import LayerProfile, Profile
from xdn.runtime.timeline import Interval, Timeline


def profile_trace(profile: Profile, title: str) -> dict[str, Any]:
    """Return what a profile tells as a trace: JSON values, in the Trace Event Format.

    A thread works on one chunk of images after another, through all layers each time; a profile has the sums over the
    chunks. So each thread's row has one slice a layer, as long as the thread spent in it altogether, in the order of
    the layers. `timeline_trace` has the slices as they were.

    Parameters
    ----------
    profile : Profile
    title : str
        What the process is called.
    """
    events: list[dict[str, Any]] = []
    ends_us = [0.0] * profile.workers
    for layer in profile.layers:
        # A layer that is computed on whole batches runs alone, while all threads wait.
        alone = len(layer.worker_ms) != profile.workers
        if alone:
            ends_us = [max(ends_us)] * profile.workers
        for worker, ms in enumerate([layer.ms] if alone else layer.worker_ms):
            events.append(_summed(layer, worker, ends_us[worker], 1e3 * ms))
            ends_us[worker] += 1e3 * ms
        if alone:
            ends_us = [max(ends_us)] * profile.workers
    return _trace(events, title, profile.workers)


def timeline_trace(timeline: Timeline, title: str) -> dict[str, Any]:
    """Return when each thread did what as a trace: a slice for each step of each chunk of images.

    Parameters
    ----------
    timeline : Timeline
    title : str
        What the process is called.
    """
    return _trace(list(map(_measured, timeline.intervals)), title, timeline.threads)


def _trace(slices: list[dict[str, Any]], title: str, threads: int) -> dict[str, Any]:
    names = [_name("process_name", title, 0)]
    names += [_name("thread_name", f"thread {thread}", thread) for thread in range(threads)]
    return {"traceEvents": [*names, *slices], "displayTimeUnit": "ms"}


def _name(what: str, name: str, thread: int) -> dict[str, Any]:
    return {"ph": "M", "pid": 1, "tid": thread, "name": what, "args": {"name": name}}


def _summed(layer: LayerProfile, thread: int, begin_us: float, length_us: float) -> dict[str, Any]:
    told = {"kernels": list(layer.kernels), "macs_per_image": layer.macs, "percent_of_peak": layer.peak_percent}
    return _slice((layer.name, layer.type), thread, (begin_us, length_us), told)


def _measured(interval: Interval) -> dict[str, Any]:
    told = {"kernel": interval.kernel, "first_image": interval.first_image, "images": interval.images}
    # Both ends are rounded to nanoseconds, so that no slice reaches into the next one.
    begin, end = round(interval.begin_us, 3), round(interval.begin_us + interval.us, 3)
    return _slice((interval.layer, interval.type), interval.thread, (begin, round(end - begin, 3)), told)


def _slice(layer: tuple[str, str], thread: int, times_us: tuple[float, float], told: dict[str, Any]) -> dict[str, Any]:
    name, kind = layer
    begin, length = times_us
    places = {"ph": "X", "pid": 1, "tid": thread, "ts": begin, "dur": length}
    return {**places, "name": name, "cat": kind or "conversion", "args": told}
