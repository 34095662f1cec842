"""PyTorch on the CPU."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from engine import Engine, Model, register


@register
class Torch(Engine):
    """PyTorch, channels-last: eager, or traced, frozen and rewritten for inference."""

    name = "torch"
    distribution = "torch"
    variants = ("eager", "traced")

    def __init__(self, model: Model, threads: int):
        import torch
        from torch_net import TorchNet

        super().__init__(model, threads)
        self._torch = torch
        self._eager = TorchNet(model.read_net()).eval().to(memory_format=torch.channels_last)

    def configure(self, batch: int, variant: str) -> None:
        """Set the threads, and trace where asked for."""
        self._torch.set_num_threads(self.threads)
        self._module: Any = self._eager
        if variant == "traced":
            example = self._torch.zeros(batch, *self.model.input_shape).to(memory_format=self._torch.channels_last)
            with self._torch.inference_mode():
                traced = self._torch.jit.freeze(self._torch.jit.trace(self._eager, example))
                self._module = self._torch.jit.optimize_for_inference(traced)

    def convert(self, images: np.ndarray) -> Any:
        """Transform, as a channels-last tensor."""
        return self._torch.from_numpy(super().convert(images)).contiguous(memory_format=self._torch.channels_last)

    def infer(self, batches: Iterable[Any]) -> Iterator[np.ndarray]:
        """One call a batch."""
        with self._torch.inference_mode():
            for x in batches:
                yield self._module(x).numpy()
