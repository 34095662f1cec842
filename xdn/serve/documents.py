"""What the protocols tell of server, models and statistics, by the names that JSON and gRPC's messages share.

Source: the Open Inference Protocol, version 2, and Triton's extensions "model_configuration", "model_repository" and
"statistics".
"""

from collections.abc import Iterable
from typing import Any

from xdn.serve.messages import READY, Duration, ModelMetadata, ModelState, ModelStatistics, TensorMetadata
from xdn.version import VERSION

#: Of the protocol's extensions those that are here.
EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "parameters", "statistics")


def server() -> dict[str, Any]:
    """Return what the service says of itself."""
    return {"name": "xdn", "version": VERSION, "extensions": list(EXTENSIONS)}


def metadata(model: ModelMetadata) -> dict[str, Any]:
    """Return what is said of a model."""
    return {
        "name": model.name,
        "versions": list(model.versions),
        "platform": model.platform,
        "inputs": [_tensor(each) for each in model.inputs],
        "outputs": [_tensor(each) for each in model.outputs],
    }


def _tensor(said: TensorMetadata) -> dict[str, Any]:
    return {"name": said.name, "datatype": said.datatype, "shape": list(said.shape)}


def configuration(model: ModelMetadata) -> dict[str, Any]:
    """Return a model's configuration, as far as clients of Triton need it: tensors, and the largest batch."""
    return {
        "name": model.name,
        "platform": model.platform,
        "max_batch_size": model.max_batch,
        "input": [_configured(each, model.max_batch) for each in model.inputs],
        "output": [_configured(each, model.max_batch) for each in model.outputs],
    }


def _configured(said: TensorMetadata, max_batch: int) -> dict[str, Any]:
    """Return what a configuration says of a tensor; where there is a batch its axis is not among the dimensions."""
    kind = "STRING" if said.datatype == "BYTES" else said.datatype
    return {"name": said.name, "data_type": f"TYPE_{kind}", "dims": list(said.shape[1 if max_batch else 0 :])}


def index(states: Iterable[ModelState], ready_only: bool) -> list[dict[str, str]]:
    """Return the repository's index, a row for each version of each model."""
    return [
        {"name": each.name, "version": each.version, "state": each.state, "reason": each.reason}
        for each in states
        if each.state == READY or not ready_only
    ]


def statistics(done: ModelStatistics) -> dict[str, Any]:
    """Return what a version has done."""
    return {
        "name": done.name,
        "version": done.version,
        "inference_count": done.inferences,
        "execution_count": done.executions,
        "inference_stats": {
            "success": _duration(done.success),
            "fail": _duration(done.fail),
            "queue": _duration(done.queue),
            "compute_input": _duration(done.compute_input),
            "compute_infer": _duration(done.compute_infer),
            "compute_output": _duration(done.compute_output),
        },
    }


def _duration(spent: Duration) -> dict[str, int]:
    return {"count": spent.count, "ns": spent.ns}
