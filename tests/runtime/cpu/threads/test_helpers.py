"""Helpers: they run what they are given, sleep when nothing comes, and end with who has them."""

import gc
import os
import threading
import time

import numpy as np
import pytest

from tests.kernels.checks import feed_for
from tests.runtime.cpu.test_executor import residual_net
from xdn import settings
from xdn.codegen.loader import process_loader
from xdn.runtime.cpu.threads.helpers import Helpers
from xdn.runtime.session import Session


def helpers(others=frozenset()):
    """Return the threads that are helpers and none of `others`."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("xdn-")} - others


def wait_until(true, seconds=60):
    """Wait until `true()`, and fail where that takes too long."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def session():
    """Return a session of four threads on a small net, and what it gives for one image with one thread."""
    net = residual_net()
    feed = feed_for(net, 1)
    made = Session(net, threads=4)
    yield made, feed, Session(net, threads=1).run(None, feed)
    made.close()


def test_many_runs_give_the_same(session):
    made, feed, expected = session
    for _ in range(300):
        for found, wanted in zip(made.run(None, feed), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_a_helper_that_sleeps_is_woken(session, monkeypatch):
    monkeypatch.setattr(settings, "HELPER_LOOKS", 1)
    made, feed, expected = session
    for _ in range(20):
        found = made.run(None, feed)
        # They look once, for a fraction of a microsecond.
        time.sleep(0.005)
    np.testing.assert_array_equal(found[0], expected[0])


def test_runs_of_several_threads_at_once(session):
    """They take turns: the members of one run never wait for those of another."""
    made, feed, expected = session
    wrong = []

    def run():
        for _ in range(50):
            wrong.extend(not np.array_equal(*pair) for pair in zip(made.run(None, feed), expected, strict=True))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert len(wrong) == 5 * 50 * 2
    assert not any(wrong)


def test_several_sessions_at_once_with_more_threads_than_processors(session):
    _, feed, expected = session
    sessions = [Session(residual_net(), threads=3) for _ in range(4)]
    found = []

    def run(own):
        for _ in range(30):
            found.append(own.run(None, feed))

    threads = [threading.Thread(target=run, args=(own,)) for own in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    assert len(found) == 120
    assert all(np.array_equal(each[0], expected[0]) for each in found)
    for own in sessions:
        own.close()


def test_helpers_end_with_who_has_them():
    before = helpers()
    made = Helpers(3, process_loader())
    own = helpers(before)
    assert len(own) == 3
    del made
    gc.collect()
    wait_until(lambda: not any(thread.is_alive() for thread in own))


def test_a_closed_session_has_no_helpers_and_works_again(session):
    made, feed, expected = session
    before = helpers()
    made.run(None, feed)
    own = helpers(before)
    assert len(own) == 3
    made.close()
    wait_until(lambda: not any(thread.is_alive() for thread in own))
    np.testing.assert_array_equal(made.run(None, feed)[0], expected[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_has_helpers_of_its_own(session):
    made, feed, expected = session
    made.run(None, feed)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(made.run(None, feed)[0], expected[0]) else 1)
    end = time.monotonic() + 60
    while (status := os.waitpid(child, os.WNOHANG))[0] == 0:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(status[1]) == 0
