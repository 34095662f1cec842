"""ONNX Runtime's CPU provider."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xdn.element import REAL
from xdn.errors import UnsupportedError
from xdn.evaluate.engines.engine import AS_IT_COMES, ENGINES, Engine, in_pool
from xdn.graph import Array, Feed, Shape

_TOGETHER, _EACH = "intra-op threads", "one batch a thread"


@ENGINES.register("onnxruntime")
class OnnxRuntime(Engine):
    """ONNX Runtime: all threads on one batch, or one batch a thread."""

    distribution = "onnxruntime"
    variants = (_TOGETHER, _EACH)

    def __init__(self, model: Path, threads: int, precision: str = REAL.name):
        super().__init__(model, threads, precision)
        raised = vars(self.package.capi.onnxruntime_pybind11_state).values()
        self._errors = tuple(each for each in raised if isinstance(each, type) and issubclass(each, Exception))
        self._sessions: dict[str, Any] = {}
        self._callers = 1

    def configure(self, shapes: Mapping[str, Shape], variant: str) -> None:
        """Make the variant's session, once: its shapes are free."""
        self._callers = self.threads if variant == _EACH else 1
        if variant not in self._sessions:
            try:
                self._sessions[variant] = self._session_for(variant)
            except self._errors as error:
                raise UnsupportedError(f"onnxruntime cannot run this net: {error}") from None
        self._session = self._sessions[variant]

    def _session_for(self, variant: str) -> Any:
        options = self.package.SessionOptions()
        if variant != AS_IT_COMES:
            options.intra_op_num_threads = self.threads // self._callers
            options.inter_op_num_threads = 1
            options.graph_optimization_level = self.package.GraphOptimizationLevel.ORT_ENABLE_ALL
        return self.package.InferenceSession(str(self.model), options, providers=["CPUExecutionProvider"])

    def infer(self, feeds: Iterable[Feed]) -> Iterator[list[Array]]:
        """One call a feed, from one thread or several."""

        def run(feed: Feed) -> list[Array]:
            found: list[Array] = self._session.run(None, dict(feed))
            return found

        yield from map(run, feeds) if self._callers == 1 else in_pool(run, feeds, self._callers)
