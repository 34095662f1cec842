"""OpenVINO's CPU plugin."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from xdn.element import BF16, REAL
from xdn.errors import UnsupportedError
from xdn.evaluate.engines.engine import AS_IT_COMES, ENGINES, Engine
from xdn.graph import Array, Feed, Shape

_HINTS = {"latency hint": "LATENCY", "throughput hint": "THROUGHPUT"}


@ENGINES.register("openvino")
class OpenVino(Engine):
    """OpenVINO: one compiled model for each shape, with either of its performance hints."""

    distribution = "openvino"
    variants = tuple(_HINTS)
    fixed_batch = True

    def __init__(self, model: Path, threads: int, precision: str = REAL.name):
        super().__init__(model, threads, precision)
        self._core = self.package.Core()
        if precision == BF16.name and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UnsupportedError("openvino computes in bf16 on no processor like this one")

    def configure(self, shapes: Mapping[str, Shape], variant: str) -> None:
        """Compile for these shapes."""
        # Without the precision hint the plugin computes in bfloat16 where the processor can.
        config = {
            "PERFORMANCE_HINT": _HINTS.get(variant),
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": self.precision,
        }
        try:
            network = self._core.read_model(str(self.model))
            network.reshape({name: list(shape) for name, shape in shapes.items()})
            self._compiled = self._core.compile_model(network, "CPU", {} if variant == AS_IT_COMES else config)
        except RuntimeError as error:
            raise UnsupportedError(f"openvino cannot run this net: {error}") from None
        self._queued = _HINTS.get(variant) == "THROUGHPUT"

    def infer(self, feeds: Iterable[Feed]) -> Iterator[list[Array]]:
        """One request after the other, or a queue of them, as the hint's documentation asks for."""
        yield from self._in_queue(feeds) if self._queued else map(self._one, feeds)

    def _one(self, feed: Feed) -> list[Array]:
        return list(self._compiled(dict(feed), share_inputs=True).to_tuple())

    def _in_queue(self, feeds: Iterable[Feed]) -> Iterator[list[Array]]:
        queue = self.package.AsyncInferQueue(self._compiled)
        outputs: dict[int, list[Array]] = {}
        kept: dict[int, Feed] = {}  # shared inputs must outlive their requests

        def finished(request: Any, place: int) -> None:
            outputs[place] = [tensor.data.copy() for tensor in request.output_tensors]
            del kept[place]

        queue.set_callback(finished)
        for place, feed in enumerate(feeds):
            kept[place] = feed
            queue.start_async(dict(feed), place, share_inputs=True)
        queue.wait_all()
        yield from (outputs[place] for place in range(len(outputs)))
