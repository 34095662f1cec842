"""Machine code and the machine, sent from one process to another."""

import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.conftest import ROOT
from tests.evaluate.building import Stripes, brightest_channel
from xdn import api
from xdn.codegen.cache import generator_digest
from xdn.codegen.loader import process_loader
from xdn.runtime.machine import this_machine
from xdn.runtime.session import Session
from xdn.runtime.shipment import Shipment

_ELSEWHERE = """
import pickle, sys
from tests.evaluate.building import Stripes
shipment, content = pickle.load(sys.stdin.buffer)
assert pickle.loads(shipment).unpack()
session, transform = pickle.loads(content)
session.run_pixels(Stripes().images(), transform)
print(session.kernels_compiled)
"""


def test_the_other_process_compiles_nothing(tmp_path, monkeypatch):
    session = Session(brightest_channel(), threads=1)
    transform = api.pixel_transform(session.net, Stripes.shape)
    session.run_pixels(Stripes().images(), transform)
    shipment = Shipment.of_this_process()
    assert shipment.machine == this_machine()
    sent = pickle.dumps((pickle.dumps(shipment), pickle.dumps((session, transform))))
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "empty"))
    ended = subprocess.run([sys.executable, "-c", _ELSEWHERE], input=sent, cwd=ROOT, capture_output=True, check=True)
    assert ended.stdout.split() == [b"0"]


def test_machine_code_for_another_processor_is_left_alone(monkeypatch, caplog):
    received = []
    monkeypatch.setattr(process_loader(), "receive", received.append)
    monkeypatch.setattr("xdn.runtime.shipment.follow", received.append)
    own = Shipment(generator_digest(), {}, this_machine())
    assert not replace(own, digest="other").unpack()
    assert "kernels are compiled here" in caplog.text
    assert received == []
    assert own.unpack()
    assert received == [{}, this_machine()]


@pytest.fixture
def own_machine():
    """Forget the machine that was followed."""
    from xdn.runtime import machine

    yield machine
    machine._followed.clear()
    machine.this_machine.cache_clear()
    machine.this_target.cache_clear()


def test_rules_choose_for_the_machine_that_was_sent(own_machine):
    faster = replace(this_machine(), ghz=9.0)
    own_machine.follow(faster)
    assert own_machine.this_machine() == faster
    assert own_machine.this_target().rates == faster.rates(own_machine.this_target().lanes)
