"""Which net runs on which data."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from tests.evaluate.building import brightest_channel
from xdn.data.dataset import trained_for
from xdn.errors import DataError
from xdn.evaluate.pairing import SHIPPED_PAIRS, check_pair, shipped_net


def test_a_net_names_what_it_was_trained_for_by_a_registered_name():
    assert trained_for(brightest_channel("cifar10")) == "cifar10"
    assert trained_for(brightest_channel("examples/cifar10/cifar10_test_lmdb")) is None
    assert trained_for(brightest_channel()) is None


def data_called(name, title, classes=3, order="rgb"):
    data = ArrayDataset(np.zeros((1, 4, 5, 3), np.uint8), [0], ("class",) * classes, order)
    data.name, data.title = name, title
    return data


def test_other_data_than_the_net_was_trained_for_is_refused():
    with pytest.raises(DataError, match=r"trained for CIFAR-10, the data is Glyphs.*--force"):
        check_pair(brightest_channel("cifar10"), data_called("glyphs10", "Glyphs-10 (synthetic)"))


def test_the_right_data_in_another_order_of_channels_is_refused():
    check_pair(brightest_channel("cifar10"), data_called("cifar10", "CIFAR-10"))
    with pytest.raises(DataError, match=r"in the order rgb, the data's are bgr.*--force"):
        check_pair(brightest_channel("cifar10"), data_called("cifar10", "CIFAR-10", order="bgr"))


def test_a_net_without_a_source_takes_any_data():
    check_pair(brightest_channel(), data_called("glyphs10", "Glyphs-10", order="bgr"))
    check_pair(brightest_channel(), data_called("glyphs10", "Glyphs-10", classes=10))


@pytest.mark.parametrize("dataset", sorted(SHIPPED_PAIRS))
def test_every_shipped_pair_is_there(dataset):
    path = shipped_net(dataset)
    assert path.is_file()
    assert path.with_suffix(".caffemodel").is_file()


def test_data_without_a_shipped_net_is_an_error():
    with pytest.raises(DataError, match="no net that ships was trained for 'photos'"):
        shipped_net("photos")
