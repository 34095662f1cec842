"""A fresh process from its start to its first result; prints one line of JSON. bench/startup.py runs it.

usage: startup_child.py SPAWNED PROTOTXT CAFFEMODEL THREADS IMAGES

SPAWNED is the system's monotonic clock when the process was asked for.
"""

import time

_BEGIN_S = time.monotonic()

import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from peak_memory import peak_memory_bytes  # noqa: E402


def first_result(spawned_s: float, prototxt: str, caffemodel: str, threads: int, images: int) -> dict[str, Any]:
    """Return the seconds of each phase, in order, and what else is worth knowing.

    Packing weights, planning, compiling and linking happen inside the first run and are taken apart afterwards.
    """
    laps: dict[str, float] = {"interpreter": _BEGIN_S - spawned_s}
    last = _BEGIN_S

    def lap(name: str) -> None:
        nonlocal last
        now = time.monotonic()
        laps[name], last = now - last, now

    import numpy as np

    import xdn
    from xdn.codegen.loader import process_loader
    from xdn.session import Session

    lap("import")
    net = xdn.load(prototxt, caffemodel)
    lap("load")
    session = Session(net, threads=threads)
    lap("fuse")
    rng = np.random.default_rng(0)
    feed = {name: rng.standard_normal((images, *b.shape[1:]), np.float32) for name, b in session.net.inputs.items()}
    lap("images")
    session.run(None, feed)
    lap("run")
    stats = process_loader().stats
    laps["run"] -= session.compile_s
    kernels = {"plan": session.compile_s - stats.compile_s - stats.link_s, "compile": stats.compile_s}
    run_s = laps.pop("run")
    laps |= kernels | {"link": stats.link_s, "run": run_s}
    return {
        "phases_s": laps,
        "total_s": last - spawned_s,
        "peak_memory_bytes": peak_memory_bytes(),
        "kernels_compiled": len(stats.compiled),
        "kernels_from_cache": len(stats.from_cache),
    }


if __name__ == "__main__":
    spawned, prototxt, caffemodel, threads, images = sys.argv[1:]
    print(json.dumps(first_result(float(spawned), prototxt, caffemodel, int(threads), int(images))))
