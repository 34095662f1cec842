"""Real files of 66 more repositories: those that some Caffe runs for inference load, but for what `LACKED` names.

A table beside the files says which are capable. Of many the file does not tell the size of the images; one of `SHAPES`
then fits.
"""

import csv
import logging
import re

import pytest

from xdn.errors import XdnError
from xdn.frontend import load

pytestmark = pytest.mark.slow

#: Of the capable files.
SHARE = 0.95
#: Where an error lists inputs of unknown shapes.
NAMES = re.compile(r": ([\w, ]+)\. (?:Name|Say) each")
#: What is said where a file does not tell the shape of its input; the first with which it loads counts.
SHAPES = [(3, 224, 224), (3, 112, 96), (1, 32, 256), (3, 512, 1024), (3, 299, 299), (784,)]
#: What every input is then said to be, where several have to be named.
NAMED = (1, 256, 256)
#: Capable file (of its path as much as tells it) that does not load -> words of the error.
LACKED: dict[str, str] = {
    # Python code that is not in the file.
    "scripts__denseUNet_deploy": "InputShiftingLayer",
    "scripts__denseUNet_test": "WarpingLayer",
    "scripts__stereoDepth": "InputShiftingLayer",
    "weitianhan__human_parsing": "CmapLayer",
    # Shapes that do not fit each other as the file has them.
    "rnet480x270": "Concatf3",
    "presets__1D_lstm": "steps of several streams",
    "dongyf43__Spatio-Temporal": "1048576 elements",
    # Data layers alone in the phase TEST.
    "dcgan__data": "nothing to compute",
    "cifar10__resnet_template": "nothing to compute",
}


def _lacked(name):
    return next((words for key, words in LACKED.items() if key in name), None)


def _error_with(path, shape):
    """Return the error of a file with an input shape, or shapes by name; None where it loads."""
    try:
        load(path, input_shape=shape)
        return None
    except XdnError as error:
        return error


def _error(path):
    """Return the error of a file, None where it loads, whatever shape has to be said."""
    for shape in (None, *SHAPES):
        error = _error_with(path, shape)
        if error is not None and (named := NAMES.search(str(error))):
            error = _error_with(path, dict.fromkeys(named[1].split(", "), NAMED))
        if error is None or (shape is None and "--input-shape" not in str(error)):
            break
    return error


@pytest.fixture(scope="module")
def rows(material):
    table = material("zoo2", "table.tsv")
    with table.open() as file:
        found = [
            (table.parent / row["file"], row["capable"])
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    assert len(found) == 340
    return found


def test_capable_files_load_or_are_refused_for_what_they_are(rows, caplog):
    caplog.set_level(logging.CRITICAL)
    capable = [path for path, able in rows if able != "no"]
    wrong, loaded = [], 0
    for path in capable:
        name, error = f"{path.parent.name}/{path.name}", _error(path)
        words = _lacked(str(path))
        loaded += error is None
        if words is None and error is not None:
            wrong.append(f"{name}: {error}")
        elif words is not None and (error is None or words not in str(error)):
            wrong.append(f"{name}: {words!r} is expected, not {error}")
    assert not wrong, "\n".join(wrong)
    assert loaded >= SHARE * len(capable), f"{loaded} of {len(capable)}"


def test_what_no_caffe_runs_is_answered_by_a_typed_error_or_loads(rows, caplog):
    caplog.set_level(logging.CRITICAL)
    for path, able in rows:
        if able == "no":
            _error(path)


def test_no_entry_is_needless(rows):
    for key in LACKED:
        assert any(key in str(path) for path, _ in rows), key
