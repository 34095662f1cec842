"""The kernel that reads the counter."""

import time

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine.clock import Clock, clock


def test_the_counter_advances_while_time_passes():
    address = process_loader().address(clock(host_target()))
    told, frame = Clock(), Frame().words
    call(address, told.words, frame)
    before = told.ticks
    time.sleep(0.001)
    call(address, told.words, frame)
    assert told.ticks > before > 0
