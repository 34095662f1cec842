"""What the tests of contractions by the tile unit share: bounds of their errors, and nets of one layer that take it."""

from math import sqrt

import numpy as np

from tests.kernels.checks import TINY, UNIT, activated, assert_within, feed_for, magnitude, terms
from xdn.kernels.contract.matrix.parts import PRODUCTS
from xdn.kernels.core.choice import BF16X3, F32, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session

#: Of a product |x w|, what is left out at most (`docs/numerics.md`).
LEFT_OUT = {"bf16x6": 2.0**-24 * (1 + 2.0**-10), "bf16x3": 2.0**-15 * (1 + 2.0**-7)}


def bound(algorithm, steps):
    """Return the bound for a layer of so many steps: what is left out, and the roundings of the rest.

    A product of parts passes the roundings of a chain of 16, of the sum of two chains, and of those that follow: one
    for each product of each step; then those of bias and epilogue. All are of partial sums that are not larger than the
    sum of magnitudes. As in `checks.sums`, which has the reference's own roundings and those of activations, they grow
    with the root of their number. Of each factor 2**-126 may be lost, where its parts are denormal.
    """
    roundings = 17 + len(PRODUCTS[algorithm]) * steps

    def allowed(net, feed, expected):
        steepest = max(1.0, float(np.abs(net.layers[-1].weights.get("slope", np.zeros(1))).max()))
        of_products = LEFT_OUT[algorithm] + sqrt(roundings) * UNIT
        own = of_products * magnitude(net, feed, expected) + 8 * terms(net) * TINY
        return activated(net, feed, expected) + steepest * own

    return allowed


def session_of(net, schedule, algorithm, **more):
    """Return a session that computes the net's only layer by an algorithm."""
    precision = BF16X3 if algorithm == BF16X3 else F32
    choices = {schedule: {net.layers[-1].name: Choice(algorithm)}}
    return Session(net, configuration=Configuration(schedule=schedule, choices=choices, precision=precision, **more))


def tiled_kernels(session):
    """Return the names of the kernels of a session's plan that use tiles."""
    return [step.source.name for step in session.plan().steps if "tiles_x" in step.source.name.op]


def check_tiled(net, algorithm, steps, images):
    """Compare a layer with its reference in both schedules, with threads and cuts; return the kernels' names.

    All of these give the same bits.
    """
    feed = feed_for(net, images)
    expected = net.with_batch(images).forward(feed)["y0"]
    first, names = None, []
    for schedule in SCHEDULES:
        session = session_of(net, schedule, algorithm, threads=1)
        result = session.run(None, feed)[0]
        names += tiled_kernels(session)
        assert_within(result, expected, bound(algorithm, steps)(net, feed, expected))
        first = result if first is None else first
        np.testing.assert_array_equal(result, first)
        for cut, threads in ((1, 3), (images // 2 + 1, 2)):
            shared = session_of(net, schedule, algorithm, threads=threads, chunk_blocks=1)
            parts = [shared.run(None, {name: x[s] for name, x in feed.items()}) for s in (slice(cut), slice(cut, None))]
            np.testing.assert_array_equal(np.concatenate([part[0] for part in parts if len(part[0])]), first)
            shared.close()
    return names
