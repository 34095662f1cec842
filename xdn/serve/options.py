"""What an engine is told beside the repository."""

from dataclasses import dataclass

from xdn import settings


@dataclass(frozen=True)
class EngineOptions:
    """How an engine works.

    Parameters
    ----------
    threads : int, optional
        That sessions run with; by default as many as sessions have.
    max_latency_s : float
        The longest that a run of joined requests may take, unless too many wait, where a model says nothing else.
    max_requests : int
        Requests at hand, of all models; more are refused.
    max_bytes : int
        Bytes of requests at hand and of what is made of their images.
    """

    threads: int | None = None
    max_latency_s: float = settings.SERVED_LATENCY_S
    max_requests: int = settings.SERVED_REQUESTS
    max_bytes: int = settings.SERVED_BYTES


DEFAULTS = EngineOptions()
