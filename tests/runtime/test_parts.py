"""Nets cut where images meet: what shares a net, what stands alone, and that the results are the references'."""

import numpy as np
import pytest

from tests.kernels.checks import feed_for, input_layer, make_params, one_layer_net, random_weights
from xdn.errors import InputError, UnsupportedError
from xdn.graph import Layer, Net
from xdn.runtime import parts
from xdn.runtime.cpu.backend import Cpu
from xdn.runtime.parts import NetPart, WholePart, cut
from xdn.runtime.session import Session


def layer(type_name, name, bottoms, tops=None, **params):
    return Layer(name, make_params(type_name, **params), tuple(bottoms), tuple(tops or [name]))


def net_of(*layers, outputs=()):
    return random_weights(Net("parts", layers, outputs), np.random.default_rng(0))


def kinds(net):
    return [part.layer.name if isinstance(part, WholePart) else [*part.gives] for part in cut(net, Cpu.takes)]


def check(net, feed, atol=1e-5):
    expected = net.reshape({name: x.shape for name, x in feed.items()}).forward(feed)
    session = Session(net, threads=2)
    for name, result in zip(net.outputs, session.run(None, feed), strict=True):
        np.testing.assert_allclose(result, expected[name], rtol=1e-5, atol=atol)
    return session


def conv(name, bottom, filters, kernel=1):
    return layer("Convolution", name, [bottom], num_output=filters, kernel_size=kernel)


def test_most_nets_are_one_part():
    net = net_of(input_layer("x", 3, 4, 4), conv("a", "x", 4), layer("ReLU", "b", ["a"]))
    (part,) = cut(net, Cpu.takes)
    assert isinstance(part, NetPart)
    assert part.net is net


def test_a_layer_that_joins_images_stands_alone():
    net = net_of(
        input_layer("x", 3, 4, 4),
        conv("a", "x", 4),
        layer("Concat", "join", ["a", "a"], axis=0),
        conv("b", "join", 5),
        conv("c", "a", 2),
    )
    # c shares a's net, though it comes after the join.
    assert kinds(net) == [["a", "c"], "join", ["b"]]
    check(net, {"x": np.random.default_rng(1).standard_normal((3, 3, 4, 4)).astype(np.float32)})


def test_batch_statistics_take_the_whole_batch():
    net = net_of(
        input_layer("x", 3, 4, 4),
        conv("a", "x", 4),
        layer("BatchNorm", "bn", ["a"], use_global_stats=False),
        layer("ReLU", "r", ["bn"]),
    )
    assert kinds(net) == [["a"], "bn", ["r"]]
    check(net, feed_for(net, 5))


@pytest.mark.parametrize("shape", [(-1, 3), (1, -1), (2, 24)])
def test_shapes_that_move_images(shape):
    net = net_of(
        Layer("x", make_params("Input", shape=((2, 6, 4),)), (), ("x",)),
        layer("ReLU", "r", ["x"]),
        layer("Reshape", "moved", ["r"], shape=shape),
        layer("Sigmoid", "s", ["moved"]),
    )
    assert kinds(net)[:2] == [["r"], "moved"]
    check(net, feed_for(net, 2))


def priors(name, bottom):
    return layer("PriorBox", name, [bottom, "x"], min_size=(4.0,), aspect_ratio=(2.0,))


def detector(classes=3):
    """A small SSD: two maps, their locations, confidences and priors."""
    layers = [input_layer("x", 3, 8, 8)]
    layers += [layer("Convolution", "m1", ["x"], num_output=6, kernel_size=3, stride=2, pad=1)]
    layers += [layer("Convolution", "m2", ["m1"], num_output=6, kernel_size=3, stride=2, pad=1)]
    for i in (1, 2):
        for kind, count in (("loc", 3 * 4), ("conf", 3 * classes)):
            layers.append(conv(f"{kind}{i}", f"m{i}", count))
            layers.append(layer("Permute", f"{kind}{i}p", [f"{kind}{i}"], order=(0, 2, 3, 1)))
            layers.append(layer("Flatten", f"{kind}{i}f", [f"{kind}{i}p"]))
        layers.append(priors(f"prior{i}", f"m{i}"))
    layers += [layer("Concat", kind, [f"{kind}1f", f"{kind}2f"]) for kind in ("loc", "conf")]
    layers.append(layer("Concat", "prior", ["prior1", "prior2"], axis=2))
    layers.append(layer("Reshape", "cr", ["conf"], shape=(0, -1, classes)))
    layers.append(layer("Softmax", "cs", ["cr"], axis=2))
    layers.append(layer("Flatten", "cf", ["cs"]))
    nms = (("nms_threshold", 0.45), ("top_k", 20))
    given = {"num_classes": classes, "code_type": "CENTER_SIZE", "keep_top_k": 10, "confidence_threshold": 0.2}
    layers.append(layer("DetectionOutput", "found", ["loc", "cf", "prior"], nms_param=nms, **given))
    return net_of(*layers)


@pytest.mark.parametrize("images", [1, 3])
def test_a_detector(images):
    net = detector()
    parts = kinds(net)
    assert parts[-1] == "found"
    assert [part for part in parts if isinstance(part, str)] == ["prior1", "prior2", "prior", "found"]
    # Priors depend on shapes only: all convolutions are in one net.
    assert sum(isinstance(part, list) for part in parts) == 1
    session = check(net, feed_for(net, images))
    (found,) = session.run(None, feed_for(net, images))
    assert found.shape[:2] == (1, 1)
    assert set(found[0, 0, :, 0]) <= set(range(images))


def test_what_shapes_decide_is_computed_once(monkeypatch):
    net = net_of(input_layer("x", 3, 8, 8), conv("m", "x", 4), priors("prior", "m")).replace(outputs=("prior",))
    computed = []
    compute = parts.compute_whole
    monkeypatch.setattr(parts, "compute_whole", lambda layer, bottoms: computed.append(1) or compute(layer, bottoms))
    session = Session(net)
    (first,) = session.run(None, feed_for(net, 2))
    expected = first.copy()
    first[:] = np.nan
    np.testing.assert_array_equal(session.run(None, feed_for(net, 3))[0], expected)
    # The shape of the first bottom has the batch in it.
    assert len(computed) == 2
    np.testing.assert_array_equal(session.run(None, feed_for(net, 3))[0], expected)
    assert len(computed) == 2


def proposals():
    """A small Faster R-CNN: one image, its regions, and what is computed for each of them."""
    return net_of(
        input_layer("x", 3, 32, 32),
        Layer("size", make_params("Input", shape=((1, 3),)), (), ("size",)),
        layer("Convolution", "map", ["x"], num_output=4, kernel_size=4, stride=4),
        conv("scores", "map", 2 * 2),
        layer("Sigmoid", "p", ["scores"]),
        conv("deltas", "map", 4 * 2),
        layer(
            *("Proposal", "rois", ["p", "deltas", "size"]),
            feat_stride=4,
            base_size=4,
            min_size=2,
            ratio=(1.0, 2.0),
            scale=(2.0,),
            post_nms_topn=7,
        ),
        layer("ROIPooling", "cells", ["map", "rois"], pooled_h=2, pooled_w=2, spatial_scale=0.25),
        layer("InnerProduct", "fc", ["cells"], num_output=5),
        layer("Softmax", "prob", ["fc"]),
    )


def test_regions_have_a_batch_of_their_own():
    net = proposals()
    assert kinds(net) == [["map", "scores", "p", "deltas"], "rois", "cells", ["fc", "prob"]]
    feed = feed_for(net, 1) | {"size": np.array([[32, 32, 1]], np.float32)}
    session = check(net, feed)
    prob, rois = session.run(["prob", "rois"], feed)
    assert len(prob) == len(rois) <= 7


def test_inputs_of_two_batches():
    net = net_of(
        Layer("x", make_params("Input", shape=((1, 4, 6, 6),)), (), ("x",)),
        Layer("rois", make_params("Input", shape=((9, 5),)), (), ("rois",)),
        conv("map", "x", 3),
        layer("ROIPooling", "cells", ["map", "rois"], pooled_h=2, pooled_w=2),
    )
    assert kinds(net) == [["map"], "cells"]
    rois = np.array([[0, 0, 0, 3, 3], [1, 1, 1, 5, 5], [0, 2, 2, 2, 2]], np.float32)
    check(net, feed_for(net, 2) | {"rois": rois})
    with pytest.raises(InputError, match="one batch have different batches"):
        Session(detector_of_two()).run(None, {"x": np.zeros((1, 2), np.float32), "y": np.zeros((2, 2), np.float32)})


def test_axes_that_are_equally_long_for_one_size_of_images_are_two_batches():
    net = net_of(
        Layer("x", make_params("Input", shape=((1, 5, 5, 4),)), (), ("x",)),
        layer("Permute", "channels", ["x"], order=(1, 0, 2, 3)),
        layer("Permute", "rows", ["x"], order=(2, 0, 1, 3)),
        layer("ReLU", "a", ["channels"]),
        layer("ReLU", "b", ["rows"]),
    )
    for height in (5, 3, 40):
        check(net, {"x": np.random.default_rng(height).standard_normal((1, 5, height, 4)).astype(np.float32)})


@pytest.mark.parametrize(
    ("image", "layers"),
    [
        ((1, 2, 2), [layer("Reshape", "l", ["x"], shape=(-1, 4))]),
        ((4, 1, 2), [layer("Permute", "p", ["x"], order=(0, 2)), layer("Flatten", "l", ["p"], axis=0, end_axis=1)]),
        ((1, 2, 2), [layer("ReLU", "r", ["x"]), layer("Reshape", "l", ["r"], shape=(-1, 2, 2)), conv("c", "r", 2)]),
    ],
    ids=["rows", "flat", "between others"],
)
def test_layers_that_join_images_of_another_size_only(image, layers):
    net = net_of(input_layer("x", *image), *layers)
    session = check(net, feed_for(net, 3))
    for size in ((4, 2), image[1:], (6, 4), (6, 4)):
        x = np.random.default_rng(1).standard_normal((5, image[0], *size)).astype(np.float32)
        expected = net.reshape({"x": x.shape}).forward({"x": x})
        for name, blob in session.forward(x=x).items():
            np.testing.assert_allclose(blob, expected[name], atol=1e-6)


@pytest.mark.parametrize("read", ["x", "y"])
def test_an_input_of_another_batch_that_no_layer_reads(read):
    inputs = [Layer(name, make_params("Input", shape=((n, 3),)), (), (name,)) for name, n in (("x", 2), ("y", 5))]
    net = net_of(*inputs, layer("InnerProduct", "fc", [read], num_output=4), outputs=("x", "y", "fc"))
    feed = {name: np.full((n, 3), n, np.float32) for name, n in (("x", 40), ("y", 1))}
    session = check(net, feed)
    asked = session.run(["x"], feed)[0]
    np.testing.assert_array_equal(asked, feed["x"])
    assert asked is not feed["x"]
    assert {name: len(blob) for name, blob in session.forward(**feed).items()} == {
        "x": 40,
        "y": 1,
        "fc": len(feed[read]),
    }
    assert session.plan().outputs == {"fc": (4,)}


def test_inputs_of_two_batches_and_nothing_else():
    inputs = [Layer(name, make_params("Input", shape=((n, 3),)), (), (name,)) for name, n in (("x", 2), ("y", 5))]
    session = check(net_of(*inputs), {"x": np.ones((3, 3), np.float32), "y": np.zeros((1, 3), np.float32)})
    with pytest.raises(UnsupportedError, match="0 parts"):
        session.plan()


@pytest.mark.parametrize(
    ("type_name", "params"),
    [
        ("Scale", {"axis": 0}),
        ("Bias", {"axis": 0, "num_axes": -1}),
        ("InnerProduct", {"axis": 0, "num_output": 5}),
        ("Softmax", {"axis": 0}),
        ("ArgMax", {"axis": 0}),
        ("Flatten", {"axis": 0}),
        ("Permute", {"order": (1, 0)}),
        ("Reshape", {"shape": (-1, 2)}),
        ("Concat", {"axis": 0}),
        ("Reduction", {"axis": 0}),
    ],
)
def test_layers_along_the_batch(type_name, params):
    inputs = Layer("x", make_params("Input", shape=((4, 4, 4),)), (), ("x",))
    net = net_of(inputs, layer(type_name, "l", ["x"], **params))
    check(net, feed_for(net, 4))


@pytest.mark.parametrize(
    "layers",
    [
        [layer("Scale", "l", ["x"], axis=0)],
        [layer("Bias", "l", ["x"], axis=0, num_axes=2)],
        [layer("InnerProduct", "l", ["x"], axis=0, num_output=5)],
        [layer("Permute", "p", ["x"], order=(1, 0)), layer("InnerProduct", "l", ["p"], num_output=5)],
        [layer("Reshape", "r", ["x"], shape=(2, -1)), layer("Scale", "l", ["r"])],
        [layer("Flatten", "f", ["x"], axis=0), layer("Bias", "l", ["f"], axis=0)],
    ],
    ids=lambda layers: "+".join(each.type for each in layers),
)
def test_weights_that_are_for_a_batch(layers):
    net = net_of(Layer("x", make_params("Input", shape=((4, 6),)), (), ("x",)), *layers)
    check(net, feed_for(net, 4))
    for schedule in (None, "batch", "channel"):
        with pytest.raises(InputError, match=r"'l' .* has the shape .* instead of .*The weights fix the shapes"):
            Session(net, schedule=schedule).run(None, feed_for(net, 2))


@pytest.mark.parametrize("schedule", [None, "batch", "channel"])
def test_regions_that_declare_as_many_as_images_are_any_number(schedule):
    net = net_of(
        input_layer("x", 4, 6, 6),
        input_layer("rois", 5),
        conv("map", "x", 3),
        layer("ROIPooling", "cells", ["map", "rois"], pooled_h=2, pooled_w=2),
        layer("InnerProduct", "fc", ["cells"], num_output=4),
    )
    session = Session(net, schedule=schedule)
    for images, regions in ((1, 1), (1, 40), (2, 3), (2, 2), (1, 7)):
        feed = feed_for(net, images)
        feed["rois"] = np.array([[i % images, 0, 1, 3, 4] for i in range(regions)], np.float32)
        expected = net.reshape({name: x.shape for name, x in feed.items()}).forward(feed)["fc"]
        np.testing.assert_allclose(session.run(None, feed)[0], expected, atol=1e-5)


def detector_of_two():
    return one_layer_net("Eltwise", (2,), (2,)).replace(
        layers=(input_layer("x", 2), input_layer("y", 2), layer("Eltwise", "z", ["x", "y"])), outputs=("z",)
    )


def test_any_blob_can_be_asked_for_and_out_is_filled():
    net = detector()
    feed = feed_for(net, 2)
    expected = net.with_batch(2).forward(feed)
    out = {"cs": np.empty_like(expected["cs"])}
    done = []
    cs, prior = Session(net).run(["cs", "prior1"], feed, progress=lambda *now: done.append(now), out=out)
    assert cs is out["cs"]
    np.testing.assert_allclose(cs, expected["cs"], atol=1e-5)
    np.testing.assert_array_equal(prior, expected["prior1"])
    assert done[-1][0] == done[-1][1]


def test_parts_have_no_plan_in_common():
    session = Session(proposals())
    with pytest.raises(UnsupportedError, match=r"4 parts.*computed on whole batches.*rois, cells"):
        session.plan()
    feed = feed_for(session.net, 1) | {"size": np.array([[32, 32, 1]], np.float32)}
    session.run(None, feed)
    assert len(session.plans()) == 2
