"""What the tests of integers on tiles share: the comparison with the references, in both schedules, bit for bit."""

import re

import numpy as np

from tests.kernels.integers import BATCH
from xdn.codegen.compiler import assembly
from xdn.kernels.core.choice import INT8, Choice
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session


def session_of(net, schedule, algorithm=INT8, **more):
    """Return a session that computes the net's last layer by tiles."""
    choices = {schedule: {net.layers[-1].name: Choice(algorithm)}}
    return Session(net, configuration=Configuration(schedule=schedule, choices=choices, **more))


def tiled_kernels(session):
    """Return the names of the kernels of a session's plan that multiply tiles of what blobs hold."""
    return [step.source.name for step in session.plan().steps if "tiles_words" in step.source.name.op]


def check_tiled(net, feed, schedules=tuple(SCHEDULES)):
    """Assert that tiles give the references' bits: of a batch, of one image, with threads that share it.

    Return the names of the kernels.
    """
    expected, names = net.with_batch(BATCH).forward(feed)["y"], []
    for schedule in schedules:
        for images, threads in ((BATCH, 1), (3, 3)):
            session = session_of(net, schedule, threads=threads)
            (found,) = session.run(None, {name: array[:images] for name, array in feed.items()})
            np.testing.assert_array_equal(found, expected[:images], err_msg=f"{schedule}, {images} images")
            names += tiled_kernels(session)
            session.close()
    assert names
    return names


def inner_loop(source):
    """Return the loop over steps in the assembly of a kernel for the real unit, which nobody runs."""
    labelled = re.split(r"\n(\.LBB\d+_\d+):", assembly(source))
    pairs = zip(labelled[1::2], labelled[2::2], strict=True)
    (found,) = (
        block
        for label, block in pairs
        if re.search(rf"\tj\w+\t{re.escape(label)}(\n|$)", block) and re.search(r"\ttdp", block)
    )
    return found
