"""What a reference takes while it computes."""

import tracemalloc

import numpy as np

from xdn.graph import Blob


def check_reference_bytes(params, *shapes):
    """Check that a layer's reference takes no more memory than it says, and not less than a fourth of that."""
    bottoms, blobs = [np.ones(shape, np.float32) for shape in shapes], [Blob(shape) for shape in shapes]
    said = params.reference_bytes(blobs, params.infer(blobs, 1))
    params.reference(bottoms, {}, 1)  # What is made once is made now.
    tracemalloc.start()
    try:
        params.reference(bottoms, {}, 1)
        (_, most) = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert said / 4 < most < 1.1 * said
