"""What a run would take by itself."""

import threading
import time

from xdn.serve.undisturbed import timed


def test_time_in_which_no_thread_had_a_processor_does_not_count():
    taken = timed(lambda: time.sleep(0.02), lambda: 0.0)
    assert taken.seconds >= 0.02
    assert taken.undisturbed_s < taken.seconds / 2


def test_the_busiest_thread_counts_whichever_it_is():
    asked, done, over = threading.Event(), threading.Event(), threading.Event()

    def help_out():
        asked.wait(5)
        sum(range(200_000))
        done.set()
        over.wait(5)

    threading.Thread(target=help_out, daemon=True).start()
    begun = time.process_time()
    taken = timed(lambda: (asked.set(), done.wait(5)), lambda: 0.0)
    over.set()
    assert taken.seconds >= taken.undisturbed_s > 0.2 * (time.process_time() - begun)


def test_compiling_is_no_part_of_a_run():
    compiled = iter((1.0, 4.0))
    assert timed(lambda: None, lambda: next(compiled)).seconds < 0


def test_where_threads_have_no_clocks_the_time_that_passes_counts(monkeypatch):
    def refused(_):
        raise OSError

    monkeypatch.setattr(time, "clock_gettime", refused)
    taken = timed(lambda: time.sleep(0.001), lambda: 0.0)
    assert taken.undisturbed_s == taken.seconds
