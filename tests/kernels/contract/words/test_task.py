"""Words of channels, spans of filters across groups, packed weights: by brute force."""

import numpy as np
import pytest

from tests.kernels.contract.words.nets import Case
from xdn.codegen.dots import DOTS
from xdn.codegen.target import target_named
from xdn.codegen.words import WORD
from xdn.graph import Quantized
from xdn.kernels.contract.words.task import integer_task, words_of
from xdn.kernels.core.layout import BATCH
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import PROBE_BATCH, lowerings


def _source(filters=14, channels=35, group=7, signed=False, kernel=3):
    net = Case(((channels, 3, 4),), Quantized(0.5, signed)).net(num_output=filters, kernel_size=kernel, group=group)
    (lowering,) = lowerings(net.with_batch(PROBE_BATCH), ("y",), target_named("avx512f"), BATCH, DEFAULT)
    return integer_task(lowering).sources[0]


def test_words():
    assert [words_of(channels) for channels in (1, 4, 5, 8)] == [1, 1, 2, 2]


def test_spans_read_all_channels_of_their_groups_and_as_many_words():
    source = _source()
    ranges = [(first, min(first + 4, 14)) for first in range(0, 14, 4)]
    spans, width = source.spans(ranges)
    assert [(span.first, span.end) for span in spans] == ranges
    for span in spans:
        for k in range(span.first, span.end):
            # Filter k is of group k // 2, which reads five channels.
            assert span.word * WORD <= k // 2 * 5
            assert (k // 2 + 1) * 5 <= (span.word + width) * WORD
        assert span.word + width <= words_of(35)
    assert width == 3


@pytest.mark.parametrize(("group", "rows", "lanes"), [(7, 4, 1), (7, 4, 4), (1, 8, 4), (1, 12, 1)])
def test_packed_weights(group, rows, lanes):
    source = _source(group=group)
    ranges = [(first, min(first + rows, 14)) for first in range(0, 14, rows)]
    spans, width = source.spans(ranges)
    packed = source.pack(spans, width, rows, lanes)
    shaped = packed.reshape(len(spans), 9, width, rows // lanes, 1, lanes)
    integers, channels = source.filters.weight.reshape(14, -1, 9), 35 // group
    expected = np.zeros((len(spans), 9, width, rows, WORD), np.int8)
    for tile, span in enumerate(spans):
        for k in range(span.first, span.end):
            for c in range(channels):
                word, byte = divmod(k // (14 // group) * channels + c - span.word * WORD, WORD)
                expected[tile, :, word, k - span.first, byte] = integers[k, c]
    words = DOTS["plain"].packed(expected).reshape(len(spans), 9, width, rows // lanes, lanes, 1)
    np.testing.assert_array_equal(shaped, words.swapaxes(4, 5))


def test_words_of_a_map_s_row_are_one_run():
    source = _source(channels=8, group=1)
    positions, runs = source.runs(source.source.layout, 2)
    # Three rows of the window, of three taps with two words each.
    np.testing.assert_array_equal(runs[:, 2], [6, 6, 6])
    np.testing.assert_array_equal(runs[:, 1], [0, 6, 12])
    assert len(positions) == 2
