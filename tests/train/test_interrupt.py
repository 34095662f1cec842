"""Ctrl-C is held back until a check, but once only."""

import signal
import threading

import pytest

from xdn.train.interrupt import deferred_interrupt


@pytest.fixture(autouse=True)
def _usual_handler():
    # A process that was started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_waits_for_the_check():
    with deferred_interrupt() as interrupt:
        interrupt.check()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_does_not_wait():
    with deferred_interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert interrupt.asked == 2


def test_a_process_that_ignores_it_goes_on_to():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        interrupt.check()


def test_another_thread_changes_no_handler():
    found = []

    def work():
        with deferred_interrupt():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
