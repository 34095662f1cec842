"""The families of both schedules: alike but for the steps; registered with what their steps say of themselves."""

from xdn.kernels.contract.matrix import batch, channel
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import BATCH, CHANNEL


def test_both_schedules_have_one():
    for name, module, schedule in (("tiles", batch, BATCH), ("channel_tiles", channel, CHANNEL)):
        family = FAMILIES[name]
        assert family.schedules == (schedule,)
        assert family.types == ("Convolution", "InnerProduct")
        assert family.fuses
        # Its kernels read vectors of channels when they split a blob.
        assert not family.scalars
        assert family.__doc__ == module.tiles_step.__doc__
