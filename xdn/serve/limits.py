"""What requests may take: bytes, connections and seconds, whoever sends them."""

import time
from dataclasses import dataclass

from xdn.serve.messages import OverloadedError


@dataclass(frozen=True)
class Limits:
    """The bounds of a service.

    Parameters
    ----------
    request_bytes : int
        Of one request, after decompression.
    held_bytes : int
        Of all requests that are being received or answered; as many as one may have at least.
    receiving_bytes : int
        Of gRPC's messages that are not there within `at_once_s`, each counted as `request_bytes`.
    connections : int
        Of HTTP clients at a time, and RPCs of gRPC.
    time_limit_s : float
        From the receipt of a request to its answer, where the request does not ask for less.
    receive_s : float
        For a client to send the head of a request, and for its body.
    at_once_s : float
        In which most messages of gRPC are there.
    send_s : float
        For a client to take what it is sent.
    idle_s : int
        After which a connection, or a stream of gRPC, without requests is closed.
    """

    request_bytes: int = 64 << 20
    held_bytes: int = 512 << 20
    receiving_bytes: int = 2 << 30
    connections: int = 512
    time_limit_s: float = 60.0
    receive_s: float = 30.0
    at_once_s: float = 1.0
    send_s: float = 30.0
    idle_s: int = 75

    def deadline(self, since: float, *timeouts_s: float | None) -> float:
        """Return until when a request is of use that came at `since`, on the clock of `time.monotonic`.

        Of what it asks for itself the least counts; None asks for nothing.
        """
        return since + min(each for each in (self.time_limit_s, *timeouts_s) if each is not None)


def now() -> float:
    """Return the time of the clock on which deadlines are."""
    return time.monotonic()


class Holding:
    """The bytes of one request, which are held until the block ends that this is the context of."""

    def __init__(self, store: "Store"):
        self._store, self.bytes = store, 0

    def __enter__(self) -> "Holding":
        return self

    def __exit__(self, *_: object) -> None:
        self._store.bytes -= self.bytes

    def add(self, count: int) -> None:
        """Hold so many bytes more; OverloadedError where all requests together hold too many."""
        self._store.add(count)
        self.bytes += count


class Store:
    """The bytes of all requests that are being received or answered.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int):
        self._most, self.bytes = most, 0

    def add(self, count: int) -> None:
        """Hold so many bytes more, unless they are too many."""
        if self.bytes + count > self._most:
            raise OverloadedError(f"requests at hand have more than {self._most} bytes", mend="Try again later")
        self.bytes += count

    def holding(self) -> Holding:
        """Return what counts the bytes of a request, none at first."""
        return Holding(self)
