"""Statistics of versions."""

from xdn.serve.messages import Duration
from xdn.serve.tally import Tally, count_failure, summed


def test_versions_are_selected():
    tally = Tally()
    for model, version in (("b", "1"), ("a", "2"), ("a", "1")):
        tally.of(model, version)
    assert tally.of("a", "1") is tally.of("a", "1")
    for selection, count in ((("", ""), 3), (("a", ""), 2), (("a", "2"), 1), (("c", ""), 0)):
        assert len(tally.selected(*selection)) == count


def test_tallies_add_up_and_stay_as_they_are():
    one, other = Tally(), Tally()
    for tally, images in ((one, 3), (other, 4)):
        statistics = tally.of("m", "1")
        statistics.inferences = images
        statistics.batches = {images: 1, 1: 1}
        statistics.success.add(images)
        count_failure(statistics, KeyError(), received_ns=1, now_ns=images)
    (total,) = summed((one, other), "", "")
    assert (total.inferences, total.success, total.fail) == (7, Duration(2, 7), Duration(2, 5))
    assert (total.batches, total.failures) == ({3: 1, 4: 1, 1: 2}, {"KeyError": 2})
    assert one.of("m", "1").batches == {3: 1, 1: 1}
