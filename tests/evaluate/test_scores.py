"""Which output tells the classes: by what defines it."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from xdn.errors import DataError, SettingError
from xdn.evaluate.accuracy import INVALID
from xdn.evaluate.scores import Form, Scores, find_scores, first_output
from xdn.graph import Epilogue, Layer, Net
from xdn.layers import LAYERS
from xdn.layers.sigmoid import Sigmoid


def data_of(classes, numbered=False):
    names = tuple(map(str, range(classes))) if numbered else tuple(f"class {i}" for i in range(classes))
    return ArrayDataset(np.zeros((1, 8, 8, 3), np.uint8), [0], names)


def net_of(*layers, size=8):
    """Return a net of (type, bottom, parameters), each named by its number: "1", "2", ...; the input is "x"."""
    made = [Layer("x", LAYERS["Input"](shape=((1, 3, size, size),)), (), ("x",))]
    for number, (kind, bottoms, params) in enumerate(layers, 1):
        bottoms = bottoms if isinstance(bottoms, tuple) else (bottoms,)
        made.append(Layer(str(number), LAYERS[kind](**params), bottoms, (str(number),)))
    return Net("net", tuple(made))


def conv(bottom, count, kernel=3):
    return "Convolution", bottom, {"num_output": count, "kernel_size": (kernel,)}


def fc(bottom, count):
    return "InnerProduct", bottom, {"num_output": count}


def softmax(bottom, axis=1):
    return "Softmax", bottom, {"axis": axis}


def pool(bottom):
    return "Pooling", bottom, {"pool": "AVE", "global_pooling": True}


def found(net, classes=10, numbered=False, **options):
    return find_scores(net, data_of(classes, numbered), **options)[0]


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
@pytest.mark.parametrize(
    "tail",
    [
        lambda n: [fc("x", n)],
        lambda n: [fc("x", n), softmax("1")],
        lambda n: [conv("x", n, 8)],
        lambda n: [conv("x", n), pool("1")],
        lambda n: [conv("x", n), ("ReLU", "1", {}), pool("2"), softmax("3")],
        lambda n: [conv("x", n), pool("1"), softmax("2"), ("Flatten", "3", {})],
        lambda n: [fc("x", n), ("Reshape", "1", {"shape": (0, 1, 1, n)}), softmax("2", 3)],
        lambda n: [fc("x", n), ("Sigmoid", "1", {})],
    ],
)
def test_a_vector_of_scores(tail, classes):
    net = net_of(*tail(classes))
    assert found(net, classes) == Scores(net.outputs[0], classes)


def test_a_distribution_over_more_classes_is_one_too():
    assert found(net_of(fc("x", 1000), softmax("1"))) == Scores("2", 1000)


def test_one_over_fewer_is_an_error_but_by_force():
    net = net_of(fc("x", 3), softmax("1"))
    with pytest.raises(DataError, match=r"'2' has 3 scores, Arrays has 10 classes.*--force"):
        found(net)
    assert found(net, force=True) == Scores("2", 3)


@pytest.mark.parametrize("count", [1, 4, 9, 11, 40, 1470])
def test_plain_numbers_that_are_not_as_many_as_classes_are_none(count):
    scores, why = find_scores(net_of(fc("x", count)), data_of(10))
    assert scores is None
    assert "no output has a score for each image and each of 10 classes" in why


@pytest.mark.parametrize(("classes", "fits"), [(1000, True), (877, True), (501, True), (500, False), (3, False)])
def test_a_list_may_lack_the_last_classes(classes, fits):
    """Embeddings have many numbers, too: most of them would be for classes that no label names."""
    assert (found(net_of(fc("x", 1000)), classes, numbered=True) is not None) == fits


@pytest.mark.parametrize(
    "layers",
    [
        # The scores of a map's positions, with and without Softmax.
        [conv("x", 10)],
        [conv("x", 10), softmax("1")],
        # SSD: a distribution over ten classes for each of 36 boxes, in a row.
        [conv("x", 10), ("Permute", "1", {"order": (0, 2, 3, 1)}), softmax("2", 3), ("Flatten", "3", {})],
        # Of single numbers that may mean anything.
        [fc("x", 1)],
        [conv("x", 1), pool("1")],
        # A loss, or what a Reduction makes of a batch.
        [("Reduction", "x", {"axis": 0})],
    ],
)
def test_what_tells_no_class_of_an_image(layers):
    assert found(net_of(*layers)) is None


def test_what_has_another_batch_than_the_images():
    """Regions, ten of them for ten classes: each is not an image."""
    regions = Layer("rois", LAYERS["Input"](shape=((10, 5),)), (), ("rois",))
    image = Layer("x", LAYERS["Input"](shape=((1, 3, 8, 8),)), (), ("x",))
    roi = Layer("roi", LAYERS["ROIPooling"](pooled_h=1, pooled_w=1), ("x", "rois"), ("roi",))
    cls = Layer("cls", LAYERS["InnerProduct"](num_output=10), ("roi",), ("cls",))
    prob = Layer("prob", LAYERS["Softmax"](), ("cls",), ("prob",))
    net = Net("detector", (image, regions, roi, cls, prob))
    assert found(net) is None


def test_a_batch_that_is_folded_into_another_axis():
    assert found(net_of(fc("x", 20), ("Reshape", "1", {"shape": (-1, 10)}))) is None


def test_of_several_outputs_the_one_with_scores():
    net = net_of(conv("x", 4), fc("x", 10), softmax("2"), fc("x", 16))
    assert net.outputs == ("1", "3", "4")
    assert found(net) == Scores("3", 10)


def test_of_several_classifiers_the_last_and_the_others_are_named():
    net = net_of(*(each for i in (1, 3, 5) for each in (fc("x", 10), softmax(str(i)))))
    scores, said = find_scores(net, data_of(10))
    assert scores == Scores("6", 10)
    assert said == "by '6'; other classifiers: '2', '4'"


def test_of_classifiers_of_different_classes_the_one_that_knows_the_data_s():
    assert found(net_of(fc("x", 10), softmax("1"), fc("x", 4), softmax("3"))) == Scores("2", 10)


def test_what_the_file_compares_with_labels_comes_first():
    net = net_of(fc("x", 10), fc("x", 1000), fc("x", 10), softmax("3"))
    assert found(net) == Scores("4", 10)
    assert found(net, compared=("2",)) == Scores("2", 1000)
    assert found(net, compared=("nowhere",)) == Scores("4", 10)
    two = net_of(fc("x", 10), softmax("1"), fc("x", 10), softmax("3"))
    assert found(two, compared=("1",)) == Scores("2", 10)


@pytest.mark.parametrize("fused", [False, True])
def test_one_probability_tells_two_classes(fused):
    net = net_of(fc("x", 1), ("Sigmoid", "1", {}))
    if fused:
        net = Net("fused", (net.layers[0], net.layers[1].replace(epilogue=Epilogue(activation=Sigmoid()))))
    scores = found(net, 2)
    assert scores == Scores(net.outputs[0], 2, Form.PAIR)
    assert found(net, 10) is None
    classes, table = scores.read(np.array([[0.25], [0.75], [np.nan]], np.float32))
    assert classes.tolist() == [0, 1, INVALID]
    assert table[:2].tolist() == [[0.75, 0.25], [0.25, 0.75]]


@pytest.mark.parametrize("params", [{}, {"axis": 1}])
def test_the_number_of_a_class(params):
    net = net_of(fc("x", 10), ("ArgMax", "1", params))
    scores = found(net)
    assert scores == Scores("2", 10, Form.NUMBER)
    classes, table = scores.read(np.array([[[3.0]], [[9.0]], [[np.nan]]], np.float32))
    assert classes.tolist() == [3, 9, INVALID]
    assert table.shape == (3, 1)


@pytest.mark.parametrize("params", [{"out_max_val": True}, {"top_k": 5}, {"axis": 1, "out_max_val": True}])
def test_other_results_of_argmax_are_not_classes(params):
    assert found(net_of(fc("x", 10), ("ArgMax", "1", params))) is None


def test_a_blob_that_is_named_counts():
    net = net_of(fc("x", 16), fc("1", 10), softmax("2"))
    assert found(net, named="1") == Scores("1", 16)
    assert found(net, named="2") == Scores("2", 10)


def test_the_scores_of_a_named_map_are_its_means():
    net = net_of(conv("x", 10), softmax("1"))
    assert "--score 2 counts the mean over its positions" in find_scores(net, data_of(10))[1]
    scores = found(net, named="2")
    assert scores == Scores("2", 10, Form.MAP)
    values = np.zeros((2, 10, 6, 6), np.float32)
    values[0, 3, :, :] = 0.5
    values[0, 7, 0, 0] = 1
    values[1, 4, 5, :] = 0.2
    classes, table = scores.read(values)
    assert classes.tolist() == [3, 4]
    np.testing.assert_allclose(table[0, [3, 7]], [0.5, 1 / 36], rtol=1e-6)


def test_named_blobs_that_tell_no_classes_are_errors():
    net = net_of(fc("x", 1), conv("x", 1), fc("x", 3))
    for blob, message in (
        ("nowhere", "no blob 'nowhere'. The net's outputs: 1, 2, 3"),
        ("1", "has no scores of classes"),
        ("2", "has no scores of classes"),
    ):
        with pytest.raises(SettingError, match=message):
            found(net, named=blob)
    with pytest.raises(DataError, match="'3' has 3 scores"):
        found(net, named="3")
    with pytest.raises(SettingError, match="has no entry for each image"):
        found(net_of(("Reduction", "x", {"axis": 0})), named="1")


def test_without_a_word_the_first_output_has_them():
    assert first_output(net_of(conv("x", 10), pool("1"))) == Scores("2", 10)


def test_a_vector_is_read_as_it_is():
    values = np.array([[0.1, 0.9], [np.inf, 0.0]], np.float32).reshape(2, 2, 1, 1)
    classes, table = Scores("x", 2).read(values)
    assert classes.tolist() == [1, INVALID]
    assert table is values
