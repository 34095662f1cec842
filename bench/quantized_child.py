"""Quantize a net by one engine's tool, in a process that is over when it is done. bench/quantized.py runs it.

usage: quantized_child.py ENGINE WORK FOLDER

WORK holds the model; FOLDER takes what the engine is to read.
"""

import pickle
import sys
from pathlib import Path

from engine import engine_class
from quantized import MODEL

if __name__ == "__main__":
    name, work, folder = sys.argv[1:]
    engine_class(name).quantize(pickle.loads((Path(work) / MODEL).read_bytes()), Path(folder))
