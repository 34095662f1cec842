"""For which lowering an algorithm is chosen."""

from dataclasses import replace

from tests.kernels.machine.machines import MACHINES, target_of
from tests.kernels.winograd.lowering import lowering_of
from xdn.graph.blob import Blob
from xdn.kernels.core.choice import F32, FMA
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.kernels.core.rules import for_rules
from xdn.kernels.core.work import Setting


def lowerings(precision):
    """Return one layer in both schedules of two machines, with what is added to it and without."""
    for name, schedule in (("zen4", CHANNEL), ("laptop", BATCH)):
        own = replace(lowering_of((8, 6, 6), target_of(MACHINES[name])), precision=precision, schedule=schedule)
        own = replace(own, setting=Setting(threads=2, net_bytes=1e7))
        yield own
        yield replace(own, added=(Blob((1, 64, 6, 6)),))


def test_what_is_fused_plays_no_part():
    assert all(not for_rules(each).added for each in lowerings(F32))
    first, *_ = lowerings(F32)
    assert for_rules(first) == first


def test_plain_arithmetic_has_one_for_all():
    found = [for_rules(each) for each in lowerings(FMA)]
    assert len({(each.target, each.schedule, each.setting) for each in found}) == 1
    assert found[0].schedule is BATCH
