"""One engine's contest in a process that holds nothing else; writes what memory it took. bench/memory.py runs it.

usage: memory_child.py FOLDER TASK

FOLDER holds the model, a sample and its expected outputs, and takes the report; TASK is JSON.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
from engine import Engine, Model, engine_class, tried
from measure import check_agreement, opener, timed
from peak_memory import peak_memory_bytes

from xdn.errors import XdnError

MODEL, SAMPLE, REPORT = "model.pickle", "sample.npz", "report.json"


def _engine(task: dict[str, Any], model: Model) -> Engine:
    engine = engine_class(task["engine"])(model, task["threads"])
    engine.configure(task["batch"], task["variant"])
    return engine


def contest(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Return the peak memory before the engine was made and after its contest, and the contest's time.

    A first batch, which is not timed, lets the engine choose and place what it needs. The outputs are compared with the
    references afterwards.
    """
    model = pickle.loads((folder / MODEL).read_bytes())
    path, batch = Path(task["packed"]), task["batch"]
    opened = opener(path, task["images"])
    before_bytes = peak_memory_bytes()
    engine, why = tried(task["engine"], lambda: _engine(task, model))
    if engine is None:
        return {"missing": why}
    engine.classify(opener(path, batch)(), batch)
    seconds, labels = timed(lambda: engine.classify(opened(), batch))
    found = {"before_bytes": before_bytes, "peak_bytes": peak_memory_bytes(), "contest_s": seconds}
    sample = np.load(folder / SAMPLE)
    differences = check_agreement(engine, sample["images"], sample["expected"])
    found["largest_difference"] = differences[engine.name]
    return found | {"version": engine.version(), "correct": int((labels == opened().labels).sum())}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    try:
        report = contest(place, json.loads(sys.argv[2]))
    except XdnError as error:
        sys.exit(str(error))
    # A file: engines print to standard output.
    (place / REPORT).write_text(json.dumps(report))
