"""What calibration is given: batches of images, and what runs a net on them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.optimize.quantize.calibrating import instruments_for, residual_net


@pytest.mark.parametrize("images", [1, 7, 8, 20, 100])
def test_the_first_images_are_those_of_the_batches(images):
    found = instruments_for(residual_net(), images=24, at_once=8)
    together = np.concatenate([batch["data"] for batch in found.batches()])
    np.testing.assert_array_equal(found.first(images)["data"], together[:images])


def test_passes_give_the_blobs_of_each_batch():
    net = residual_net()
    found = instruments_for(net, images=12, at_once=8)
    passes = list(found.passes(net, ("pool", "fc")))
    assert [list(blobs) for blobs in passes] == [["pool", "fc"]] * 2
    for batch, blobs in zip(found.batches(), passes, strict=True):
        expected = net.with_batch(len(batch["data"])).forward(batch)
        np.testing.assert_array_equal(blobs["fc"], expected["fc"])


def test_of_batches_that_stay_whole_the_first_is_taken():
    found = replace(instruments_for(residual_net(), images=24, at_once=8), whole_batches=True)
    first = next(iter(found.batches()))["data"]
    for images in (1, 8, 20):
        np.testing.assert_array_equal(found.first(images)["data"], first)
