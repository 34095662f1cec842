"""The kernel that reads the counter."""

import time

import numpy as np

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.kernels.machine.clock import TICKS_NOW, clock


def test_the_counter_advances_while_time_passes():
    address = process_loader().address(clock(host_target()))
    frame = np.zeros(TICKS_NOW + 1, np.int64)
    call(address, frame, frame)
    before = int(frame[TICKS_NOW])
    time.sleep(0.001)
    call(address, frame, frame)
    assert frame[TICKS_NOW] > before > 0
