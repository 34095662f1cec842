"""The cluster: joined for a while, and how many workers it has room for."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from xdn.errors import MissingExtraError, SettingError


def ray_module(name: str = "ray") -> ModuleType:
    """Return Ray, or a module of it; raise MissingExtraError without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what = f"running on many machines needs Ray, which is not there: {error}"
        raise MissingExtraError(what, mend="Run: pip install 'xdn[ray]'") from None


@contextmanager
def connected(address: str | None = None) -> Iterator[None]:
    """Be part of a cluster within the block; of the one that this process has joined already, where there is one.

    Parameters
    ----------
    address : str, optional
        Of the cluster, ``"auto"`` for the one that this machine belongs to; None begins one of this machine alone.

    Raises
    ------
    MissingExtraError
        Without Ray.
    SettingError
        Where there is no cluster.
    """
    ray = ray_module()
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(address or "local", log_to_driver=True, logging_level="warning", include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        mend = "Begin one with: ray start --head"
        raise SettingError(f"there is no cluster: {error}", where=f"--ray {address or ''}".strip(), mend=mend) from None
    try:
        yield
    finally:
        ray.shutdown()


def room(threads: int, others: int = 0) -> int:
    """Return how many workers of so many threads the cluster has processors for, beside `others` that are left free.

    Raises
    ------
    SettingError
        Where it has none for a single one.
    """
    cpus = int(ray_module().cluster_resources().get("CPU", 0))
    if cpus - others < threads:
        free = f", of which {others} must stay free to read images" if others else ""
        what = f"a worker of {threads} threads has no room: the cluster has {cpus} processors{free}"
        raise SettingError(what, where="threads", mend="Ask for fewer threads, or begin a larger cluster")
    return (cpus - others) // threads
