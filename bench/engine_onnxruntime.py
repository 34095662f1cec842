"""ONNX Runtime's CPU provider."""

from collections.abc import Iterable, Iterator

import numpy as np
from engine import AS_IT_COMES, Engine, Model, in_pool, register


@register
class OnnxRuntime(Engine):
    """ONNX Runtime on the ONNX form: all threads on one batch, or one batch a thread."""

    name = "onnxruntime"
    distribution = "onnxruntime"
    variants = ("intra-op threads", "one batch a thread")
    comes_otherwise = True

    def __init__(self, model: Model, threads: int):
        import onnxruntime

        super().__init__(model, threads)
        self._package = onnxruntime
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._callers = 1

    def configure(self, batch: int, variant: str) -> None:
        """Make the variant's session, once."""
        self._callers = self.threads if variant == "one batch a thread" else 1
        if variant not in self._sessions:
            options = self._package.SessionOptions()
            if variant != AS_IT_COMES:
                options.intra_op_num_threads = self.threads // self._callers
                options.inter_op_num_threads = 1
                options.graph_optimization_level = self._package.GraphOptimizationLevel.ORT_ENABLE_ALL
            path = str(self.model.folder / "net.onnx")
            self._sessions[variant] = self._package.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._session = self._sessions[variant]

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One call a batch, from one thread or several."""

        def run(x: np.ndarray) -> np.ndarray:
            return self._session.run(None, {self.model.input_name: x})[0]

        if self._callers == 1:
            yield from map(run, batches)
        else:
            yield from in_pool(run, batches, self._callers)
