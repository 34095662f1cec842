"""The backend that compiles machine code for this processor.

From a request to a run::

    backend.py         the backend as a session sees it
    schedule_rule.py   vectors of images or of channels, for so many images; by what passes the memory
    plan.py            steps; blobs in one arena (buffers.py, arena.py); the order of calls (schedule.py, bands.py)
    program.py         the plan as a table of calls: addresses of kernels and of their descriptors
    executor.py        threads that take chunks of images (threads/)
"""
