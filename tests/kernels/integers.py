"""What the tests of kernels on 8 bits share: nets, and the comparison with the references on every target."""

import numpy as np

from tests.codegen.targets import RUNNABLE
from tests.kernels.checks import make_params, with_cache
from xdn import settings
from xdn.codegen.target import TARGETS
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.session import Session

#: One image more than the largest block.
BATCH = max(target.block_images for target in TARGETS) + 1
#: One of each kind and length of vectors.
TARGETS_TESTED = tuple(target for target in RUNNABLE if target.name in ("avx512f", "avx2", "portable"))


def bytes_net(type_name, *images, element, tops=1, **params):
    """Return a net of inputs x0, x1, ... of 8 bits (`images`: their shapes without the batch) and one layer."""
    names = tuple(f"x{number}" for number in range(len(images)))
    inputs = [
        Layer(name, make_params("Input", shape=((1, *image),), element=element), (), (name,))
        for name, image in zip(names, images, strict=True)
    ]
    given = tuple(f"y{number}" for number in range(tops))
    return Net("bytes", (*inputs, Layer("layer", make_params(type_name, **params), names, given)), given)


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


def check_bits(net, feed, monkeypatch, expected=None, targets=TARGETS_TESTED):
    """Assert that a session gives the references' bits on all targets, in both schedules, of parts of the batch too."""
    batch = len(next(iter(feed.values())))
    expected = net.with_batch(batch).forward(feed) if expected is None else expected
    for target in targets:
        with monkeypatch.context() as patch:
            with_cache(patch, settings.CORE_CACHE_BYTES, target)
            for schedule in SCHEDULES:
                session = Session(net, schedule=schedule, threads=2)
                for images in (batch, 1):
                    found = session.run(None, {name: array[:images] for name, array in feed.items()})
                    for name, result in zip(net.outputs, found, strict=True):
                        place = f"{name}, {target.name}, {schedule}, {images} images"
                        np.testing.assert_array_equal(result, expected[name][:images], err_msg=place)
                        assert result.dtype == expected[name].dtype, place
                session.close()
