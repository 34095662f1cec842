"""Many machines by Ray: nets over Ray's data sets, and runs in parts by Ray's workers. Needs the extra `[ray]`.

>>> images = ray.data.read_images("photos/", size=(224, 224), mode="RGB")
>>> xdn.ray.map_batches(images, session, transform).write_parquet("results/")
"""

from xdn.ray.batches import map_batches
from xdn.ray.cluster import connected
from xdn.ray.packed import read_packed
from xdn.ray.parts import run_parts
from xdn.ray.trials import ClusterMeter

__all__ = ["ClusterMeter", "connected", "map_batches", "read_packed", "run_parts"]
