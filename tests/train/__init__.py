"""Training, with PyTorch: without it the modules in here are skipped."""

from tests.pytorch import require_torch

require_torch()
