"""Compare a net's torch module with the NumPy references."""

import numpy as np
import torch

from tests.frontend.onnx_checks import one_layer_net
from xdn.train.module import NetModule

#: Both sides compute in f32 and sum in different orders: some hundred roundings of a blob's largest value.
TOLERANCE = 2e-5


def seeded_inputs(net, seed=7):
    """Return input name -> standard normal f32 values."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(blob.shape).astype(np.float32) for name, blob in net.inputs.items()}


def tensors(arrays):
    """Return the arrays as tensors."""
    return {name: torch.tensor(array) for name, array in arrays.items()}


def compare(found, expected):
    """Assert that a tensor is the array, up to the roundings of f32."""
    assert tuple(found.shape) == expected.shape
    largest = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=TOLERANCE * largest)


def check_net(net, batches=()):
    """Assert that the module computes every blob as `net.forward`, in eval mode, also at other batch sizes."""
    module = NetModule(net).eval()
    for resized in (net, *(net.with_batch(n) for n in batches)):
        inputs = seeded_inputs(resized)
        expected = resized.forward(inputs)
        outputs = module.outputs(tensors(inputs))
        assert tuple(outputs) == net.outputs
        for name in net.outputs:
            compare(outputs[name], expected[name])
        for name, value in module.blobs(tensors(inputs), expected).items():
            compare(value, expected[name])


def check_layer(params, *shapes, n_tops=1):
    """Assert that a net of this one layer agrees at its own batch size and at 1 and 5."""
    check_net(one_layer_net(params, *shapes, n_tops=n_tops), batches=(1, 5))


def assert_same_weights(found, expected):
    """Assert that two nets have the same structure, and weights equal bit for bit."""
    assert found.digest == expected.digest
    assert [(layer.name, layer.shared) for layer in found.layers] == [(e.name, e.shared) for e in expected.layers]


def with_weights(net, layer, **weights):
    """Return the net with some of a layer's weights replaced."""
    return net.replace(
        layers=tuple(e.replace(weights={**e.weights, **weights}) if e.name == layer else e for e in net.layers)
    )
