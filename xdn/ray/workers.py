"""What Ray's workers begin with: a session that compiles nothing where the driver's machine code fits."""

from dataclasses import dataclass
from typing import Any, TypeVar

from xdn.ray.cluster import ray_module, room
from xdn.runtime.session import Session
from xdn.runtime.shipment import Shipment

T = TypeVar("T")


@dataclass(frozen=True)
class Baggage:
    """What workers take along, in the cluster's memory once, however many they are.

    Parameters
    ----------
    shipment, content : ObjectRef
        The driver's kernels and machine; the bytes of what they work with, sessions in it: where Ray reads it, an
        error on the way would be one of Ray's, after which it tries again for ever.
    """

    shipment: Any
    content: Any

    @classmethod
    def packed(cls, content: Any) -> "Baggage":
        """Return `content`, and the kernels that this process has, put into the cluster's memory."""
        put, pickler = ray_module().put, ray_module("ray.cloudpickle")
        return cls(put(Shipment.of_this_process()), put(pickler.dumps(content)))

    def unpacked(self) -> Any:
        """Return the content, in a worker: kernels are there before sessions are made.

        Errors are those of what is in it, such as a file that is not on this machine.
        """
        get, pickler = ray_module().get, ray_module("ray.cloudpickle")
        get(self.shipment).unpack()
        return pickler.loads(get(self.content))


def settled(session: Session) -> Session:
    """Return the session with the number of threads that it has here said for all: machines have other defaults."""
    how = session.configuration
    return Session(session.net, configuration=how, threads=session.threads, backend=session.backend)


def workers_of(threads: int, asked: int | None, others: int = 0) -> int:
    """Return how many workers of so many threads there are to be: as many as asked for, and have room (`room`).

    Raises
    ------
    SettingError
        Where not one has.
    """
    most = room(threads, others)
    return most if asked is None else min(asked, most)


def worker_options(threads: int, workers: int) -> dict[str, Any]:
    """Return what `ray.data.Dataset.map_batches` is told of workers."""
    pool = ray_module("ray.data").ActorPoolStrategy(size=workers)
    return {"compute": pool, "num_cpus": threads, "batch_format": "numpy"}
