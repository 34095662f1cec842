"""Values that callers give: how many images they are, and what each part holds."""

import numpy as np

from xdn.evaluate.feeds import feed_images, feed_parts
from xdn.graph import Layer, Net
from xdn.layers.input import Input


def two_inputs(first, second):
    """Return a net of inputs `a` and `b` of these shapes."""
    data = (Layer(name, Input(shape=(shape,)), (), (name,)) for name, shape in (("a", first), ("b", second)))
    return Net("two", tuple(data))


def test_all_inputs_of_images_are_cut_and_the_last_part_has_what_is_left():
    net = two_inputs((1, 2), (1, 3))
    feed = {"a": np.arange(10).reshape(5, 2), "b": np.arange(15).reshape(5, 3)}
    parts = feed_parts(net, feed, 2)
    assert feed_images(net, feed) == 5
    assert [feed_images(net, part) for part in parts] == [2, 2, 1]
    for name, whole in feed.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole)


def test_an_input_of_another_batch_is_whole_in_each_part():
    net = two_inputs((1, 2), (7, 5))
    feed = {"a": np.arange(6).reshape(3, 2), "b": np.arange(35).reshape(7, 5)}
    parts = feed_parts(net, feed, 2)
    assert [len(part["a"]) for part in parts] == [2, 1]
    assert all(part["b"] is feed["b"] for part in parts)
