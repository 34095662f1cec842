"""The thread that runs."""

import threading
from collections import defaultdict
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from xdn.serve.config import ModelConfig
from xdn.serve.executing import Executing
from xdn.serve.line import Line, Waiting
from xdn.serve.messages import UnavailableError


class Recorder:
    """Stands for models, and tells in what order they run; the first run waits until it may go on."""

    def __init__(self):
        self.order, self.begun, self.go_on = [], threading.Event(), threading.Event()
        self.runs = defaultdict(Future)

    def line(self, name):
        """Return a line of a model that runs one request at a time."""
        return Line(SimpleNamespace(
            name=name, version="1", config=ModelConfig(), signature=SimpleNamespace(joins=False),
            run=lambda feed, images: self.run(name),
        ), 1.0, lambda: None)  # fmt: skip

    def run(self, name):
        self.order.append(name)
        self.begun.set()
        assert self.go_on.wait(5)
        return []


@pytest.fixture(name="recorder")
def fixture_recorder():
    return Recorder()


@pytest.fixture(name="executing")
def fixture_executing(recorder):
    made = Executing(lambda line, ran: [recorder.runs[waiting].set_result(ran) for waiting in ran.batch])
    made.start()
    yield made
    recorder.go_on.set()
    made.stop()


def put(executing, line):
    waiting = Waiting(1, {})
    executing.put([(line, waiting)])
    return waiting


def test_models_take_turns(executing, recorder):
    a, b = recorder.line("a"), recorder.line("b")
    waiting = [put(executing, a)]
    assert recorder.begun.wait(5)
    waiting += [put(executing, a), put(executing, a), put(executing, b)]
    recorder.go_on.set()
    for each in waiting:
        recorder.runs[each].result(5)
    assert recorder.order[:2] == ["a", "b"]
    assert recorder.order.count("a") == 3


def test_a_call_comes_between_two_runs(executing, recorder):
    line = recorder.line("a")
    waiting = [put(executing, line)]
    assert recorder.begun.wait(5)
    waiting += [put(executing, line) for _ in range(3)]
    called = threading.Thread(target=executing.call, args=(lambda: recorder.order.append("call"),))
    called.start()
    while not executing._calls:
        pass
    recorder.go_on.set()
    called.join(5)
    for each in waiting:
        recorder.runs[each].result(5)
    assert recorder.order[1] == "call"
    assert executing.running_s() < 5


def test_what_a_call_raises_is_the_callers(executing):
    with pytest.raises(ZeroDivisionError):
        executing.call(lambda: 1 / 0)


def test_nothing_waits_after_the_end(recorder):
    executing = Executing(lambda line, ran: None)
    executing.start()
    executing.stop()
    executing.stop()
    with pytest.raises(UnavailableError):
        executing.call(bool)
    with pytest.raises(UnavailableError):
        put(executing, recorder.line("a"))
