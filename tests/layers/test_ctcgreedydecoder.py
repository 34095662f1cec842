"""CTCGreedyDecoder against the loop of ctc_decoder_layer.cpp."""

import itertools

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from tests.layers.sequences import indicator
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.ctcgreedydecoder import CTCGreedyDecoder


def loop(scores, goes_on, blank, merge):
    """Return what CTCGreedyDecoderLayer::Decode gives: labels (N, T, 1, 1), negative scores (N, 1, 1, 1)."""
    steps, streams, classes = scores.shape
    made, total = np.full((streams, steps, 1, 1), -1.0), np.zeros((streams, 1, 1, 1))
    for n in range(streams):
        before, count = -1, 0
        for t in range(steps):
            best = 0
            for c in range(1, classes):
                if scores[t, n, c] > scores[t, n, best]:
                    best = c
            total[n] -= scores[t, n, best]
            if best != blank and not (merge and best == before):
                made[n, count] = best
                count += 1
            before = best
            if t + 1 == steps or goes_on[t + 1, n] == 0:
                break
    return made, total


@pytest.mark.parametrize(
    ("blank", "merge", "n_bottoms"), list(itertools.product([None, -1, 0, 2], [True, False], [1, 2]))
)
def test_reference(rng, blank, merge, n_bottoms):
    scores = rng.integers(0, 3, (12, 5, 4)).astype(np.float32)  # With equal ones.
    goes_on = indicator(rng, 12, 5) if n_bottoms == 2 else np.ones((12, 5), np.float32)
    params = CTCGreedyDecoder(blank_index=blank, ctc_merge_repeated=merge)
    stands = (0 if n_bottoms == 1 else 3) if blank is None else blank % 4
    expected = loop(scores, goes_on, stands, merge)
    check_layer(params, [scores, goes_on][:n_bottoms], expected)
    check_layer(params, [scores, goes_on][:n_bottoms], expected[0], roundings=0)


def test_a_word(rng):
    """Blank 0: 0 1 1 0 1 2 2 0 0 spells 1 1 2, and with repetitions 1 1 1 2 2."""
    spelled = [0, 1, 1, 0, 1, 2, 2, 0, 0]
    scores = np.eye(3, dtype=np.float32)[spelled][:, None]
    for merge, word in ((True, [1, 1, 2]), (False, [1, 1, 1, 2, 2])):
        (found,) = CTCGreedyDecoder(ctc_merge_repeated=merge).reference([scores], {}, 1)
        assert found.ravel().tolist() == word + [-1] * (9 - len(word))


def test_what_is_no_number_is_never_larger(rng):
    scores = normal(rng, 6, 2, 4)
    scores[1, 0, 0] = scores[2, 1, 2] = scores[3, 1, 3] = np.nan
    scores[4, 0] = -np.inf
    with np.errstate(invalid="ignore"):
        expected, _ = loop(scores, np.ones((6, 2)), 0, True)
    check_layer(CTCGreedyDecoder(), [scores], expected, roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "n_tops", "message"),
    [
        ({}, [(4, 2)], 1, r"scores \(T, N, C\)"),
        ({}, [(4, 2, 3), (4, 1)], 1, r"here it is \(4, 2\)"),
        ({}, [(4, 2, 3), (4, 2, 2)], 1, r"here it is \(4, 2\)"),
        ({}, [(4, 2, 3)] * 3, 1, "it takes"),
        ({}, [(4, 2, 3)], 3, "3 tops"),
        ({"blank_index": 3}, [(4, 2, 3)], 1, "blank_index 3 of 3"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, n_tops, message):
    with pytest.raises(ShapeError, match=message):
        CTCGreedyDecoder(**fields).infer([Blob(shape) for shape in shapes], n_tops)
