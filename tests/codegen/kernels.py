"""What the codegen tests share: small kernels of their own, and calling machine code by address."""

import ctypes
import os
import subprocess
import sys

import numpy as np

from tests.conftest import ROOT
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource

#: Numba's calling convention: status (*result, **error, descriptor, frame).
CALL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


def call(address, descriptor, frame):
    """Call the kernel at `address` with two int64 arrays."""
    unused = ctypes.c_int64()
    CALL(address)(ctypes.byref(unused), ctypes.byref(unused), descriptor.ctypes.data, frame.ctypes.data)


def shift_source(shift, op="shift", isa="portable"):
    """Return a kernel that writes ``frame[i] = descriptor[i] + shift`` for 4 words."""

    def make():
        def body(descriptor, frame):
            for i in range(4):
                frame[i] = descriptor[i] + shift

        return body

    return KernelSource(KernelName(op, isa), make)


def uncompilable(name):
    """Return a source of the kernel `name` that fails when it is compiled: only a kept kernel can serve."""

    def make():
        raise AssertionError(f"{name} is compiled again")

    return KernelSource(name, make)


def shifted(address):
    """Return what the kernel at `address` makes of 0, 1, 2, 3."""
    frame = np.full(4, -1, np.int64)
    call(address, np.arange(4), frame)
    return frame.tolist()


def python(code, *args, timeout=120, **environment):
    """Run Python code in a process of its own and return what it printed; the test fails where it fails."""
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
