"""Compare a net's ONNX form, run by ONNX Runtime, with the NumPy references."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Epilogue, Layer, LayerParams, Net
from xdn.layers.input import Input

#: Both sides compute in f32 and sum in different orders: some hundred roundings of the largest term.
TOLERANCE = 2e-5


def random_weights(rng: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return arrays between 0.5 and 1.5, which serve as variances too."""
    return {name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in shapes.items()}


def one_layer_net(
    params: LayerParams, *shapes: tuple[int, ...], n_tops: int = 1, epilogue: Epilogue | None = None
) -> Net:
    """Return a net of Input layers and one layer with seeded weights; a residual is the last of `shapes`."""
    inputs = [Layer(f"in{i}", Input(shape=(shape,)), (), (f"x{i}",)) for i, shape in enumerate(shapes)]
    bottoms = tuple(f"x{i}" for i in range(len(shapes)))
    tops = tuple(f"y{i}" for i in range(n_tops))
    net = Net("one", (*inputs, Layer("one", params, bottoms, tops, epilogue=epilogue)))
    weights = random_weights(np.random.default_rng(5), net.weight_shapes(net.layers[-1]))
    return net.replace(layers=(*inputs, net.layers[-1].replace(weights=weights)))


def session_of(net: Net, *, rewritten: bool = False) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime's session on the net's checked ONNX form, one thread, its graph rewrites off or on."""
    model = to_onnx(net)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not rewritten:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def check_net(net: Net, batches: Sequence[int] = (), tolerance: float = TOLERANCE) -> None:
    """Assert that ONNX Runtime agrees with `net.forward`, also at other batch sizes than the file's."""
    session = session_of(net)
    for resized in (net, *(net.with_batch(n) for n in batches)):
        rng = np.random.default_rng(7)
        inputs = {name: rng.standard_normal(blob.shape).astype(np.float32) for name, blob in resized.inputs.items()}
        _compare(session, resized, inputs, tolerance)


def _compare(
    session: onnxruntime.InferenceSession, net: Net, inputs: Mapping[str, np.ndarray], tolerance: float
) -> None:
    expected = net.forward(inputs)
    found = dict(zip(net.outputs, session.run(list(net.outputs), dict(inputs)), strict=True))
    for name in net.outputs:
        assert found[name].shape == expected[name].shape
        largest = max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance * largest)


def check_values(params: LayerParams, *arrays: np.ndarray, n_tops: int = 1) -> None:
    """Assert that a net of this one layer agrees on these bottoms."""
    net = one_layer_net(params, *(array.shape for array in arrays), n_tops=n_tops)
    _compare(session_of(net), net, {f"x{i}": array for i, array in enumerate(arrays)}, TOLERANCE)


def check_refused(params: LayerParams, *shapes: tuple[int, ...], reason: str, n_tops: int = 1) -> None:
    """Assert that a net of this one layer has no ONNX form, and that the error names the layer and says why."""
    with pytest.raises(UnsupportedError, match=rf"layer 'one' \({params.type}\).*{reason}"):
        to_onnx(one_layer_net(params, *shapes, n_tops=n_tops))


def check_layer(params: LayerParams, *shapes: tuple[int, ...], n_tops: int = 1) -> None:
    """Assert that a net of this one layer agrees at its own batch size and at 1 and 5."""
    check_net(one_layer_net(params, *shapes, n_tops=n_tops), batches=(1, 5))
