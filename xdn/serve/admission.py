"""How many requests are at hand, and how many bytes these take: more are refused at once, rather than kept waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

from xdn.memory import shown_size
from xdn.serve.messages import OverloadedError, TooLargeError


class Admission:
    """Counts requests from their receipt to their answer.

    Parameters
    ----------
    max_requests, max_bytes : int
    """

    def __init__(self, max_requests: int, max_bytes: int):
        self._most = max_requests, max_bytes
        #: Requests at hand.
        self.requests = 0
        self._bytes = 0

    @contextmanager
    def admitted(self, size: int) -> Iterator[None]:
        """Count a request of so many bytes as long as the block lasts.

        Raises
        ------
        TooLargeError
            Where it alone is larger than what is kept.
        OverloadedError
            Where too many are at hand.
        """
        requests, most_bytes = self._most
        if size > most_bytes:
            raise TooLargeError(f"the request takes {shown_size(size)}; at most {shown_size(most_bytes)} are kept")
        if self.requests >= requests or self._bytes + size > most_bytes:
            what = f"{self.requests} requests of {shown_size(self._bytes)} are at hand already"
            raise OverloadedError(what, mend="Try again later")
        self.requests += 1
        self._bytes += size
        try:
            yield
        finally:
            self.requests -= 1
            self._bytes -= size
