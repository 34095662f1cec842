"""Packed files as Ray's data sets."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xdn import settings
from xdn.data.packed import PackedData
from xdn.graph import Array
from xdn.ray.cluster import ray_module


def read_packed(path: str | Path, *, block: int = settings.BLOCK_IMAGES) -> Any:
    """Return the images of a packed file (`xdn-pack`) as a Ray data set, which `map_batches` takes.

    Workers map the file, and read what they are given: it lies where all nodes see it.

    Parameters
    ----------
    path : str or Path
    block : int
        Images that are read together.

    Returns
    -------
    ray.data.Dataset
        Columns `image` (H, W, C) u8, `label`, and `number`, the image's place in the file.

    Raises
    ------
    MissingExtraError
        Without Ray.
    DataError
        Where it is not a packed file.
    """
    data, path = ray_module("ray.data"), Path(path).resolve()
    starts = [{"start": start} for start in range(0, len(PackedData.open(path)), block)]
    read = partial(_read, path, block)
    return data.from_items(starts, override_num_blocks=len(starts)).map_batches(read, batch_size=1)


def _read(path: Path, block: int, batch: dict[str, Array]) -> dict[str, Array]:
    """Return the rows of a block."""
    packed, start = PackedData.open(path), int(batch["start"][0])
    numbers = np.arange(start, min(start + block, len(packed)))
    rows = slice(start, start + block)
    return {"image": np.array(packed.pixels[rows]), "label": np.array(packed.labels[rows]), "number": numbers}
