"""Compare a net's torch module with the NumPy references."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from xdn.errors import UnsupportedError
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


def check_values(params, *arrays, n_tops=1):
    """Assert that a net of this one layer agrees on these bottoms, without gradients."""
    net = one_layer_net(params, *(array.shape for array in arrays), n_tops=n_tops)
    inputs = {f"x{i}": array for i, array in enumerate(arrays)}
    expected = net.forward(inputs)
    with torch.no_grad():
        for name, value in NetModule(net).eval().outputs(tensors(inputs)).items():
            compare(value, expected[name])


def gradients(params, *arrays, n_tops=1):
    """Return the gradients of a weighted sum of all tops by the bottoms, then by the parameters, in train mode."""
    net = one_layer_net(params, *(array.shape for array in arrays), n_tops=n_tops)
    module = NetModule(net)
    x = {f"x{i}": torch.tensor(array, requires_grad=True) for i, array in enumerate(arrays)}
    generator = torch.Generator().manual_seed(1)
    tops = module.outputs(x).values()
    sum((top * torch.rand(top.shape, generator=generator)).sum() for top in tops).backward()
    return [tensor.grad for tensor in (*x.values(), *module.parameters())]


def check_gradients(params, *shapes, n_tops=1, without=()):
    """Assert that finite gradients, not all zero, reach every bottom but those `without`, and every parameter."""
    rng = np.random.default_rng(7)
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    for number, gradient in enumerate(gradients(params, *arrays, n_tops=n_tops)):
        if number in without:
            assert gradient is None
        else:
            assert torch.isfinite(gradient).all()
            assert gradient.any()


def check_refuses_gradients(params, *arrays, n_tops=1):
    """Assert that a net of this one layer is computed without gradients only, and that the error names the layer."""
    check_values(params, *arrays, n_tops=n_tops)
    with pytest.raises(UnsupportedError, match=rf"layer 'one' \({params.type}\).*no gradient passes.*no_grad"):
        gradients(params, *arrays, n_tops=n_tops)


def assert_same_weights(found, expected):
    """Assert that two nets have the same structure, and weights equal bit for bit."""
    assert found.digest == expected.digest
    assert [(layer.name, layer.shared) for layer in found.layers] == [(e.name, e.shared) for e in expected.layers]


def with_weights(net, layer, **weights):
    """Return the net with some of a layer's weights replaced."""
    return net.replace(
        layers=tuple(e.replace(weights={**e.weights, **weights}) if e.name == layer else e for e in net.layers)
    )
