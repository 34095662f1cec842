"""What is to be pruned, as a file."""

import pytest

from xdn.errors import ParseError
from xdn.frontend import prune_text, read_prune_file

TEXT = """
budget: "macs=0.45"  # what stays
criterion: "l1"
least: 0.1
inner_first: true
group { layer: "conv*" ratio: 0.3 }
group { layer: "fc" criterion: "random" }
"""


def test_fields_as_the_file_states_them(tmp_path):
    path = tmp_path / "prune.prototxt"
    path.write_text(TEXT)
    assert read_prune_file(path) == {
        "budget": "macs=0.45",
        "criterion": "l1",
        "least": 0.1,
        "inner_first": True,
        "group": [{"layer": "conv*", "ratio": 0.3}, {"layer": "fc", "criterion": "random"}],
    }


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "prune.prototxt"
    fields = {"budget": "0.3", "steps": 2, "seed": 0, "group": [{"layer": "a", "ratio": 0.25}]}
    path.write_text(prune_text(fields | {"criterion": None}))
    assert read_prune_file(path) == fields


def test_an_unknown_field_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "prune.prototxt"
    path.write_text('budget: "0.3"\nscedule: "global"\n')
    with pytest.raises(ParseError) as caught:
        read_prune_file(path)
    assert caught.value.where == f"{path}:2:1"
    assert "schedule" in caught.value.mend
