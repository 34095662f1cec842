"""Checks that every engine passes, on a small net of two inputs and two outputs."""

import numpy as np

from tests.kernels.checks import random_weights
from xdn.evaluate.engines import AS_IT_COMES
from xdn.frontend.onnx.writer import save_onnx
from xdn.graph import Layer, Net
from xdn.layers import LAYERS


def small_net():
    """Return a net of two inputs and two outputs."""
    layers = (
        Layer("a", LAYERS["Input"](shape=((1, 3, 4, 4),)), (), ("a",)),
        Layer("b", LAYERS["Input"](shape=((1, 5),)), (), ("b",)),
        Layer("conv", LAYERS["Convolution"](num_output=2, kernel_size=(3,)), ("a",), ("conv",)),
        Layer("fc", LAYERS["InnerProduct"](num_output=4), ("b",), ("fc",)),
    )
    return random_weights(Net("small", layers), np.random.default_rng(0))


def check_engine(kind, folder):
    """Check that an engine gives what the references do, in every variant, for several feeds in order."""
    net, rng = small_net(), np.random.default_rng(1)
    save_onnx(net, folder / "net.onnx")
    engine = kind(folder / "net.onnx", 2)
    for batch, variant in ((1, kind.variants[0]), *((2, each) for each in (*kind.variants, AS_IT_COMES))):
        shapes = {"a": (batch, 3, 4, 4), "b": (batch, 5)}
        engine.configure(shapes, variant)
        feeds = [{n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()} for _ in range(5)]
        found = list(engine.infer(feeds))
        assert len(found) == len(feeds)
        # As it comes, an engine may compute in bf16.
        tolerance = 0.1 if variant == AS_IT_COMES else 1e-4
        for feed, outputs in zip(feeds, found, strict=True):
            expected = net.with_images(batch).forward(feed)
            for name, values in zip(net.outputs, outputs, strict=True):
                np.testing.assert_allclose(values, expected[name], atol=tolerance)
