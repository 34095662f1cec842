"""Data sets, offline preprocessing into memory-mapped files, readers."""

from xdn.data.dataset import DATASETS, Dataset, find_dataset

__all__ = ["DATASETS", "Dataset", "find_dataset"]
