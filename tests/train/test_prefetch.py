"""What a thread makes ahead of need: in order, with its errors, and at an end when nobody wants more."""

import threading

import pytest

from xdn.train.prefetch import DEPTH, prefetched


def alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith("xdn-prefetch")]


def test_everything_comes_in_order():
    with prefetched(lambda i: i * i, 3, 50) as made:
        assert list(made) == [i * i for i in range(3, 50)]
    assert not alive()


def test_no_more_is_made_ahead_than_agreed():
    made, enough = [], threading.Event()

    def make(i):
        made.append(i)
        if len(made) == DEPTH:
            enough.set()
        return i

    with prefetched(make, 0, 1000):
        assert enough.wait(10)
    assert len(made) == DEPTH
    assert not alive()


def test_an_error_comes_where_its_batch_would():
    def make(i):
        if i == 2:
            raise ValueError("damaged")
        return i

    with prefetched(make, 0, 5) as made:
        found = iter(made)
        assert [next(found), next(found)] == [0, 1]
        with pytest.raises(ValueError, match="damaged"):
            next(found)
    assert not alive()


def test_an_error_of_the_caller_ends_the_thread():
    def interrupted():
        with prefetched(lambda i: i, 0, 1000) as made:
            next(made)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not alive()
