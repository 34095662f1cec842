"""What the tests of kernels on 8 bits share: nets, and the comparison with the references on every target."""

from dataclasses import replace

import numpy as np

from tests.codegen.targets import RUNNABLE
from tests.kernels.checks import make_params, one_layer_net, with_cache
from xdn import settings
from xdn.codegen.target import TARGETS, cpu_features, ways_of
from xdn.element import U8
from xdn.graph import Layer, Net, Quantized
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.parts import NetPart
from xdn.runtime.session import Session

#: One image more than the largest block.
BATCH = max(target.block_images for target in TARGETS) + 1
#: One of each kind and length of vectors.
TARGETS_TESTED = tuple(target for target in RUNNABLE if target.name in ("avx512f", "avx2", "portable"))

#: The same, with each of the ways in which they multiply integers.
WAYS_TESTED = tuple(replace(target, dots=way) for target in TARGETS_TESTED for way in ways_of(target, cpu_features()))


def bytes_net(type_name, *images, element, tops=1, **params):
    """Return a net of inputs x0, x1, ... of 8 bits (`images`: their shapes without the batch) and one layer."""
    names = tuple(f"x{number}" for number in range(len(images)))
    inputs = [
        Layer(name, make_params("Input", shape=((1, *image),), element=element), (), (name,))
        for name, image in zip(names, images, strict=True)
    ]
    given = tuple(f"y{number}" for number in range(tops))
    return Net("bytes", (*inputs, Layer("layer", make_params(type_name, **params), names, given)), given)


def reading_net(type_name, *images, read, stored=None, epilogue=None, weights=None, **params):
    """Return a net of one layer that reads inputs of 8 bits as `read` says, and stores its top as `stored` does."""
    inputs = [
        Layer(f"x{i}", make_params("Input", shape=((1, *image),), element=how.element, scale=how.scale), (), (f"x{i}",))
        for i, (image, how) in enumerate(zip(images, read, strict=True))
    ]
    layer = Layer(
        "layer",
        make_params(type_name, **params),
        tuple(layer.name for layer in inputs),
        ("y",),
        weights or {},
        epilogue=epilogue,
        quantized=tuple(read),
        stored=(stored,) if stored else (),
    )
    return Net("integers", (*inputs, layer), ("y",))


def with_residual(net, epilogue, residual=None):
    """Return a net of one layer with an epilogue; its residual is ``"f32"`` or read as `Quantized` says."""
    layer, (top,) = net.layers[-1], net.top_blobs(net.layers[-1])
    if residual is None:
        return net.replace(layers=(*net.layers[:-1], layer.replace(epilogue=epilogue)))
    read = () if residual == "f32" else (residual,)
    given = {"element": read[0].element, "scale": read[0].scale} if read else {}
    added = Layer("r", make_params("Input", shape=((1, *top.shape[1:]),), **given), (), ("r",))
    whole = layer.replace(bottoms=(*layer.bottoms, "r"), epilogue=epilogue, quantized=layer.quantized + read)
    return net.replace(layers=(*net.layers[:-1], added, whole))


def random_feed(net, rng, batch=BATCH):
    """Return random values for the inputs of a net: all that an integer can be, or standard normal numbers."""
    feed = {}
    for name, blob in net.inputs.items():
        shape, element = (batch, *blob.shape[1:]), blob.element
        if np.issubdtype(element.numpy, np.integer):
            limits = np.iinfo(element.numpy)
            feed[name] = rng.integers(limits.min, limits.max + 1, shape, element.numpy)
        else:
            feed[name] = rng.standard_normal(shape).astype(np.float32)
    return feed


def runs(net, feed, monkeypatch, targets):
    """Yield place, images and outputs of runs on all targets, in both schedules, of all images and of the first."""
    batch = len(next(iter(feed.values())))
    for target in targets:
        with monkeypatch.context() as patch:
            with_cache(patch, settings.CORE_CACHE_BYTES, target)
            for schedule in SCHEDULES:
                session = Session(net, schedule=schedule, threads=2)
                # What no kernel computes would come from the references.
                assert all(isinstance(part, NetPart) for part in session.parts)
                for images in (batch, 1):
                    place = f"{target.name}, {target.dots}, {target.pairs}, {schedule}, {images} images"
                    yield place, images, session.run(None, {name: array[:images] for name, array in feed.items()})
                session.close()


def check_bits(net, feed, monkeypatch, expected=None, targets=TARGETS_TESTED):
    """Assert that a session gives the references' bits on all targets, in both schedules, of parts of the batch too."""
    batch = len(next(iter(feed.values())))
    expected = net.with_batch(batch).forward(feed) if expected is None else expected
    for place, images, found in runs(net, feed, monkeypatch, targets):
        for name, result in zip(net.outputs, found, strict=True):
            np.testing.assert_array_equal(result, expected[name][:images], err_msg=f"{name}, {place}")
            assert result.dtype == expected[name].dtype, place


def integer_nets():
    """Return nets whose last layers are computed by every family of kernels for 8 bits."""
    one, other = Quantized(0.1), Quantized(0.2, signed=True)
    image, slope = (5, 3, 2), {"slope": np.ones(5, np.float32)}
    filters = {"weight": np.ones((5, 1, 2, 2), np.float32), "bias": np.zeros(5, np.float32)}
    whole = filters | {"weight": np.ones((5, 5, 2, 2), np.float32)}
    return [
        bytes_net("Pooling", image, element=U8, kernel_size=2),
        reading_net("Pooling", image, read=[one], pool="AVE", kernel_size=2),
        reading_net("Eltwise", image, image, read=[one, other]),
        one_layer_net("Quantize", image),
        reading_net("ReLU", image, read=[other]),
        reading_net("PReLU", image, read=[other], weights=slope),
        reading_net("Convolution", image, read=[one], weights=filters, num_output=5, group=5, kernel_size=2),
        reading_net("Convolution", image, read=[one], weights=whole, num_output=5, kernel_size=2),
    ]
