"""Ctrl-C is held back until a check, but once only."""

import signal
import threading

import pytest

from xdn.interrupts import deferred_interrupt, uninterrupted


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


def test_a_function_is_run_to_its_end():
    done = []

    @uninterrupted()
    def work():
        signal.raise_signal(signal.SIGINT)
        done.append("whole")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_of_the_function_is_its_own():
    @uninterrupted()
    def work():
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
