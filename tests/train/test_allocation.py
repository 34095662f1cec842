"""Freed memory is kept: the next tensor of its size causes no page fault."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource
from xdn.train.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    libc.free(ctypes.memset(libc.malloc(SIZE), 1, SIZE))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

SIZE, libc = 16 << 20, ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
ctypes.memset.restype = ctypes.c_void_p
print(keep_freed_memory(), faults() > 1000, faults() < 100)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_the_next_tensor_finds_the_pages_of_the_last():
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["True"] * 3
