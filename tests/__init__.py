"""The tests of XDN; what they share is in `conftest.py`."""

import os

# As many processes test as there are cores, and each waits in turns for more threads of BLAS and of OpenMP than one:
# said before NumPy is loaded, here and in the processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
