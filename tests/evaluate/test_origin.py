"""Where results come from."""

from datetime import datetime

from xdn import __version__
from xdn.evaluate.origin import FORMAT, origin


def test_origin_says_how_to_make_the_result_again():
    found = origin("run", "xdn-run", ["net.prototxt", "--threads", "2"])
    assert (found["format"], found["kind"], found["xdn"]) == (FORMAT, "run", __version__)
    assert (found["program"], found["arguments"]) == ("xdn-run", ["net.prototxt", "--threads", "2"])
    assert datetime.fromisoformat(found["written"]).utcoffset().total_seconds() == 0
    assert {"numba", "numpy"} <= found["versions"].keys()
    assert found["machine"]["cpus"] >= 1
