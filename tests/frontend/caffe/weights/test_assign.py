"""Weights of a file to the layers of a net: matching, sharing, and what is said when they do not belong together."""

import tracemalloc

import numpy as np
import pytest

from xdn import memory
from xdn.errors import MemoryLimitError, WeightsError
from xdn.frontend import Reading, load, save
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.weights.assign import assign_weights, lacking, left_over
from xdn.frontend.caffe.weights.blobproto import StoredBlob, encode_blob_head, read_blob
from xdn.frontend.wire import Span
from xdn.graph.codebook import Codebook

IN_PART = Reading(partial_weights=True)
INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }'


def ip(name, bottom, outputs=2, params=""):
    return f"""layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {params}
        inner_product_param {{ num_output: {outputs} }} }}"""


def layers_of(*layers):
    return prototxt.parse("".join(layers)).layer


def net_of(*layers):
    return net_from_message(prototxt.parse(INPUT + "".join(layers)))


def stored(*shapes, legacy=False, value=1.0):
    return tuple(StoredBlob(shape, np.full(shape, value, np.float32), legacy) for shape in shapes)


def test_weights_by_layer_name_in_old_and_new_shapes():
    net = net_of(ip("a", "data"), ip("b", "a", 3))
    file = {
        "a": stored((1, 1, 2, 2), (1, 1, 1, 2), legacy=True),
        "b": stored((3, 2), (3,)),
        "elsewhere": stored((9,)),
    }
    made = assign_weights(net, file, "w")
    assert {n: a.shape for n, a in made.layer("a").weights.items()} == {"weight": (2, 2), "bias": (2,)}
    assert made.layer("b").weights["weight"].shape == (3, 2)
    assert not net.layer("a").weights
    assert not made.layer("a").weights["weight"].flags.writeable


def test_wrong_shape_names_layer_expected_and_found():
    with pytest.raises(
        WeightsError, match=r"layer 'a' \(InnerProduct\): weight: expected the shape \(2, 2\), found \(4, 2\)"
    ):
        assign_weights(net_of(ip("a", "data")), {"a": stored((4, 2), (2,))}, "w")


#: Scheme -> a blob of (1 << 10, 1 << 13) numbers, and in how many bytes a file holds it.
PACKED = {
    "codebook": (
        encode_blob_head(
            (1 << 10, 1 << 13), codebook=Codebook(np.ones((1, 1 << 13), np.float16), np.zeros(1 << 10, np.uint8))
        ),
        bytes(1 << 10),
    ),
    "1 bit": (encode_blob_head((1 << 10, 1 << 13), scales=np.ones(1 << 10, np.float32), bits=1), bytes(1 << 20)),
}


def packed(head, data):
    content = head[0] + data
    return read_blob(Span(memoryview(content), 0, len(content), "w"))


@pytest.mark.parametrize("scheme", PACKED)
def test_packed_weights_of_another_shape_are_refused_before_they_are_unpacked(scheme):
    blob = packed(*PACKED[scheme])
    for layers in ((ip("a", "data"),), (ip("a", "data", 1 << 10),)):
        tracemalloc.start()
        with pytest.raises(WeightsError, match=r"layer 'a'.*found \(1024, 8192\)"):
            assign_weights(net_of(*layers), {"a": (blob, *stored((2,)))}, "w")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < blob.size
    assert blob.data.shape == (1 << 10, 1 << 13)


@pytest.mark.parametrize("scheme", PACKED)
def test_packed_weights_take_no_more_memory_than_nets_may(scheme):
    blob = packed(*PACKED[scheme])
    wide = INPUT.replace("dim: 2", f"dim: {1 << 13}")
    net = net_from_message(prototxt.parse(wide + ip("a", "data", 1 << 10)))
    file = {"a": (blob, *stored((1 << 10,)))}
    with memory.limited(1 << 20), pytest.raises(MemoryLimitError, match=r"layer 'a'.*64\.0 MiB"):
        assign_weights(net, file, "w")
    assert assign_weights(net, file, "w").layer("a").weights["weight"].shape == (1 << 10, 1 << 13)


def test_a_packed_blob_is_not_a_mask():
    blob = packed(*PACKED["codebook"])
    with pytest.raises(WeightsError, match="expected 2 weight arrays"):
        assign_weights(net_of(ip("a", "data")), {"a": (blob, *stored((2,)), blob, *stored((2,)))}, "w")
    assert "data" not in vars(blob)


def test_wrong_number_of_arrays():
    with pytest.raises(WeightsError, match=r"layer 'a'.*expected 2 weight arrays \(weight, bias\), found 1: \(2, 2\)"):
        assign_weights(net_of(ip("a", "data")), {"a": stored((2, 2))}, "w")


def test_layers_without_weights_are_listed():
    net = net_of(ip("a", "data"), ip("b", "a"), ip("c", "b"))
    with pytest.raises(WeightsError, match=r"w\.caffemodel has no weights for 2 layers: a, c\. The net has every"):
        assign_weights(net, {"b": stored((2, 2), (2,))}, "w.caffemodel")
    with pytest.raises(WeightsError, match=r"for 3 layers: a, b, c\. The file holds no weights at all"):
        assign_weights(net, {}, "w.caffemodel")


def test_layers_of_the_file_that_are_left_over_are_listed():
    """Their names are known even where their blobs were not read."""
    file = {"b": stored((2, 2), (2,)), "A": (), "C": stored((1,))}
    with pytest.raises(
        WeightsError, match=r"for 1 layers: a\. 2 layers of the file are not in the net: A, C\. --partial"
    ):
        assign_weights(net_of(ip("a", "data"), ip("b", "a")), file, "w.caffemodel")
    many = {f"x{i}": () for i in range(9)}
    with pytest.raises(WeightsError, match=r"9 layers of the file are not in the net: x0, .*, x7, \.\.\.$"):
        assign_weights(net_of(ip("a", "data")), many, "w.caffemodel")


def test_layers_without_weights_are_filled_where_weights_may_fit_in_part(caplog):
    """The new last layer of a fine-tuning, by its filler; what fits is the file's."""
    new = ip("new", "old", 3).replace("num_output: 3", "num_output: 3 weight_filler { type: 'xavier' }")
    net, said = net_of(ip("old", "data"), new), {"new": layers_of(new)[0]}
    made = assign_weights(net, {"old": stored((2, 2), (2,))}, "w", said=said, reading=IN_PART)
    assert caplog.messages == ["w has no weights for 1 layers: new; they are filled"]
    np.testing.assert_array_equal(made.layer("old").weights["weight"], np.ones((2, 2)))
    assert 0 < np.abs(made.layer("new").weights["weight"]).max() <= (3 / 2) ** 0.5
    again = assign_weights(net, {"old": stored((2, 2), (2,))}, "w", said=said, reading=IN_PART)
    assert again.digest == made.digest


def test_weights_that_do_not_fit_at_all_are_refused_even_so():
    with pytest.raises(WeightsError, match=r"no weights for 1 layers: a\. 1 layers of the file are not in the net: b$"):
        assign_weights(net_of(ip("a", "data")), {"b": stored((2, 2))}, "w", reading=IN_PART)
    with pytest.raises(WeightsError, match=r"weight: expected the shape \(2, 2\), found \(4, 2\)"):
        assign_weights(net_of(ip("a", "data")), {"a": stored((4, 2), (2,))}, "w", reading=IN_PART)


def test_a_filled_layer_gives_its_weights_to_those_that_share_them():
    shared = 'param { name: "w" } param { name: "b" }'
    net = net_of(ip("old", "data"), ip("a", "old", params=shared), ip("b", "a", params=shared))
    made = assign_weights(net, {"old": stored((2, 2), (2,))}, "w", reading=IN_PART)
    assert np.shares_memory(made.layer("a").weights["weight"], made.layer("b").weights["weight"])


def bn(kind, param=""):
    return net_of(f'layer {{ name: "n" type: "{kind}" bottom: "data" top: "n" {param} }}')


SEGNET = "bn_param { scale_filler { } shift_filler { } }"


@pytest.mark.parametrize(
    ("kind", "param", "count", "names"),
    [
        ("BN", SEGNET, 4, "scale shift mean variance"),
        ("BN", SEGNET, 2, "scale shift"),
        ("BN", "bn_param { bn_mode: INFERENCE }", 4, "scale shift mean variance"),
        ("BN", "", 2, "scale shift"),
        ("BN", "", 4, "scale shift mean variance"),
        ("BatchNorm", "", 5, "mean variance scale_factor scale bias"),
        ("BatchNorm", "", 3, "mean variance scale_factor"),
        ("BatchNorm", "batch_norm_param { scale_bias: true }", 5, "mean variance scale_factor scale bias"),
    ],
)
def test_the_number_of_a_normalisations_arrays_decides_its_variant(tmp_path, kind, param, count, names):
    shapes = [(1,) if name == "scale_factor" else (2,) for name in names.split()]
    blobs = tuple(stored(shape, value=value)[0] for value, shape in enumerate(shapes))
    made = assign_weights(bn(kind, param), {"n": blobs}, "w")
    found = made.layer("n").weights
    assert {name: array[0] for name, array in found.items()} == {name: i for i, name in enumerate(names.split())}
    assert len(found) == count
    save(made, tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    again = load(tmp_path / "n.prototxt", tmp_path / "n.caffemodel")
    assert again.layer("n").params == made.layer("n").params


def test_a_fork_that_keeps_scale_and_bias_first():
    """DeePhi's: the fifth number, which a BatchNorm of Caffe would divide by, plays no part there."""
    shapes = [(1, 2, 1, 1)] * 4 + [(1, 1, 1, 1)]
    blobs = tuple(stored(shape, value=value)[0] for value, shape in enumerate(shapes))
    made = assign_weights(bn("BatchNorm", "batch_norm_param { scale_filler { } }"), {"n": blobs}, "w")
    found = {name: array[0] for name, array in made.layer("n").weights.items()}
    assert found == {"mean": 2, "variance": 3, "scale_factor": 1, "scale": 0, "bias": 1}


@pytest.mark.parametrize(
    ("kind", "param", "count", "expected"),
    [
        ("BN", SEGNET, 3, "expected 2"),
        ("BN", "", 1, "expected 4"),
        ("BatchNorm", "batch_norm_param { scale_bias: true }", 3, "expected 5"),
        ("BatchNorm", "", 4, "expected 3"),
    ],
)
def test_a_number_of_arrays_that_no_variant_has(kind, param, count, expected):
    with pytest.raises(WeightsError, match=rf"layer 'n' \({kind}\): {expected} weight arrays .* found {count}"):
        assign_weights(bn(kind, param), {"n": stored(*[(2,)] * count)}, "w")


@pytest.mark.parametrize("masks", [1, 2])
def test_masks_of_pruning_multiply_the_weights(masks):
    """A fork keeps a mask of the weights after weight and bias, another one of the bias, too."""
    layer = ip("a", "data").replace('"InnerProduct"', '"CInnerProduct"')
    params = "cinner_product_param { weight_mask_filler { value: 1 } iter_stop: 9 }"
    net = net_of(layer.replace("inner_product_param", f"{params} inner_product_param"))
    mask = np.array([[1, 0], [0, 1]], np.float32)
    found = (*stored((2, 2), (2,), value=3), StoredBlob((2, 2), mask), StoredBlob((2,), mask[1]))
    made = assign_weights(net, {"a": found[: 2 + masks]}, "w").layer("a").weights
    np.testing.assert_array_equal(made["weight"], 3 * mask)
    np.testing.assert_array_equal(made["bias"], [0, 3] if masks == 2 else [3, 3])


@pytest.mark.parametrize(
    "more",
    [
        stored((2, 2), value=0.5),
        stored((2, 3)),
        stored((2, 2), (2,), (2,)),
        (None,),
    ],
)
def test_arrays_that_are_not_masks_are_too_many(more):
    with pytest.raises(WeightsError, match=rf"expected 2 weight arrays \(weight, bias\), found {2 + len(more)}"):
        assign_weights(net_of(ip("a", "data")), {"a": (*stored((2, 2), (2,)), *more)}, "w")


@pytest.mark.parametrize("legacy", [False, True])
def test_statistics_that_lie_as_channels(legacy):
    shape = (1, 2, 1, 1)
    one = stored((1, 1, 1, 1), legacy=legacy)
    made = assign_weights(bn("BatchNorm"), {"n": stored(shape, shape, legacy=legacy) + one}, "w")
    assert [array.shape for array in made.layer("n").weights.values()] == [(2,), (2,), (1,)]
    with pytest.raises(WeightsError, match=r"mean: expected the shape \(2,\), found \(1, 2, 2, 1\)"):
        assign_weights(bn("BatchNorm"), {"n": stored((1, 2, 2, 1), shape, legacy=legacy) + one}, "w")


SHARED = 'param { name: "w" } param { name: "b" }'


def test_shared_weights_are_one_array_and_the_first_layers():
    net = net_of(
        ip("a", "data", params=SHARED), ip("b", "a", params=SHARED), ip("c", "b", params='param { name: "w" }')
    )
    file = {"a": stored((2, 2), (2,), value=1), "c": stored((2, 2), (2,), value=3)}
    made = assign_weights(net, file, "w")
    a, b, c = (made.layer(name).weights for name in "abc")
    assert np.shares_memory(a["weight"], b["weight"])
    assert np.shares_memory(a["weight"], c["weight"])
    assert np.shares_memory(a["bias"], b["bias"])
    assert c["bias"].tolist() == [3, 3]


WEIGHTS = stored((2, 2), (2,))
LOSS = 'layer {{ name: "{0}_loss" type: "SoftmaxWithLoss" bottom: "{0}" bottom: "label" loss_weight: {1} top: "l{0}" }}'
DATA = """
layer { name: "d" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 1 channels: 2 height: 1 width: 1 } }
"""


@pytest.fixture
def files(tmp_path):
    """Return a function: layers of a file, those of a net -> the net's prototxt, the file's caffemodel."""

    def written(saved, asked, head=INPUT):
        whole, net = tmp_path / "whole.prototxt", tmp_path / "net.prototxt"
        whole.write_text(INPUT + "".join(saved))
        net.write_text(head + "".join(asked))
        save(load(whole, random_weights=True), tmp_path / "again.prototxt", tmp_path / "w.caffemodel")
        return net, tmp_path / "w.caffemodel"

    return written


def chain(*names):
    return [ip(name, bottom) for name, bottom in zip(names, ("data", *names), strict=False)]


def test_some_layers_left_over_are_a_warning_that_names_them(files, caplog):
    net, weights = files(chain("a", "b", "c", "d"), [ip("a", "data"), ip("d", "a")])
    load(net, weights).require_weights()
    (message,) = caplog.messages
    assert message.startswith(f"the net takes no weights of 2 of the 4 layers in {weights}: b, c; unless only training")


def test_a_file_that_fits_is_not_worth_a_word(files, caplog):
    load(*files(chain("a", "b"), chain("a", "b")))
    assert not caplog.messages


def test_most_layers_left_over_are_an_error_unless_weights_may_fit_in_part(files, caplog):
    net, weights = files(chain("a", "b", "c"), chain("a"))
    with pytest.raises(WeightsError, match=r"takes no weights of 2 of the 3 layers in .*: b, c\..*--partial-weights"):
        load(net, weights)
    load(net, weights, partial_weights=True).require_weights()
    assert len(caplog.messages) == 1


def test_layers_that_deployment_leaves_out_are_not_left_over(files, caplog):
    """An auxiliary classifier of the same training net, and a layer of its other phase."""
    other = ip("c", "data").replace('type: "Inner', 'include { phase: TRAIN } type: "Inner')
    saved = [ip("a", "data"), ip("aux", "data"), ip("aux2", "aux"), ip("c", "data")]
    asked = [ip("a", "data"), ip("aux", "data"), ip("aux2", "aux"), other]
    net, weights = files(saved, [*asked, LOSS.format("a", 1), LOSS.format("aux2", 0.3)], DATA)
    assert [layer.name for layer in load(net, weights).layers if layer.weights] == ["a"]
    assert not caplog.messages


def test_an_auxiliary_classifier_of_a_deployed_net_is_a_warning(files, caplog):
    net, weights = files([*chain("a", "b"), ip("aux", "a")], chain("a", "b"))
    load(net, weights)
    assert caplog.messages[0].startswith("the net takes no weights of 1 of the 3 layers")
    assert ": aux; unless only training needs them" in caplog.messages[0]


def test_weights_of_a_layer_that_takes_none_are_left_over():
    relu = 'layer { name: "b" type: "ReLU" bottom: "a" top: "b" }'
    assert left_over(net_of(ip("a", "data"), relu), {"a": WEIGHTS, "b": WEIGHTS}) == ["b"]
    assert left_over(net_of(ip("a", "data")), {"a": WEIGHTS, "b": ()}, named=["b"]) == []


def test_layers_that_a_file_lacks_are_those_without_weights_of_their_own():
    relu = 'layer { name: "r" type: "ReLU" bottom: "a" top: "r" }'
    assert lacking(net_of(ip("a", "data"), relu, ip("b", "r")), {"a": WEIGHTS}) == ["b"]
    shared = [ip(name, "data").replace("bottom", 'param { name: "w" } param { name: "c" } bottom', 1) for name in "ab"]
    assert lacking(net_of(*shared), {"a": WEIGHTS}) == []
    assert lacking(net_of(*shared), {}) == ["a"]
