"""The registry of stages and the order in which they run."""

import pytest

from xdn.errors import UnknownNameError
from xdn.optimize.stage import PLAIN, POST_FUSION, READING, STAGES, Note, stage_names


def test_every_stage_is_found_in_one_group():
    assert sorted(stage_names(PLAIN) + stage_names(POST_FUSION) + stage_names(READING)) == list(STAGES)
    fused = ("fuse-residual", "fuse-hard-swish", "fuse-activation", "eliminate-unread", "fuse-projection")
    expected = ("eliminate-moves", fused[0], "fuse-attention", *fused[1:], "quantized-storage")
    assert stage_names(POST_FUSION) == expected
    assert stage_names(READING) == ("read-bf16",)


def test_stages_run_after_those_that_they_name():
    ordered = stage_names(PLAIN, POST_FUSION, READING)
    for name in ordered:
        for before in STAGES[name].after:
            assert ordered.index(before) < ordered.index(name)
    for groups in ((PLAIN,), (POST_FUSION,), (PLAIN, POST_FUSION), (POST_FUSION, READING)):
        assert stage_names(*groups) == tuple(name for name in ordered if STAGES[name].group in groups)


def test_descriptions_are_the_first_lines_of_the_docstrings():
    described = dict(STAGES.describe())
    assert described["eliminate-split"].startswith("Remove Split")
    assert all(described.values())


def test_an_unknown_stage_names_the_nearest():
    with pytest.raises(UnknownNameError, match="fuse-batch-norm"):
        STAGES["fuse-batchnorm"]


def test_a_note_names_its_layer():
    assert str(Note("conv1", "removed")) == "conv1: removed"
