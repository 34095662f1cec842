"""Packed files as data sets."""

import numpy as np
import pytest

from tests.data.samples import ArrayDataset
from xdn.data.mapped import as_dataset
from xdn.data.packed import PackedData, pack
from xdn.errors import DataError


@pytest.mark.parametrize("dtype", ["u8", "f32"])
def test_what_was_packed_is_found_again(tmp_path, rng, dtype):
    data = ArrayDataset(rng.integers(0, 256, (5, 4, 6, 3), np.uint8), [0, 1, 2, 1, 0])
    pack(data, tmp_path / "a.packed", dtype=dtype)
    found = as_dataset(PackedData.open(tmp_path / "a.packed"))
    assert (found.name, found.title, found.split, found.classes) == (data.name, data.title, data.split, data.classes)
    assert (found.channel_order, found.shape, found.preprocessing) == ("rgb", (4, 6, 3), {})
    assert found.origin == str((tmp_path / "a.packed").resolve())
    np.testing.assert_array_equal(found.labels, data.labels)
    np.testing.assert_array_equal(found.images(1, 4), data.pixels[1:4])
    with pytest.raises(DataError, match="Arrays has 5"):
        found.images(0, 6)


def test_a_data_set_stays_what_it_is(rng):
    data = ArrayDataset(rng.integers(0, 256, (2, 4, 6, 3), np.uint8), [0, 1])
    assert as_dataset(data) is data
