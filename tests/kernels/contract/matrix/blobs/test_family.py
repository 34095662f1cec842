"""The families of both schedules: alike but for the steps; registered with what their steps say of themselves."""

from xdn.kernels.contract.matrix.blobs import batch, channel
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import BATCH, CHANNEL


def test_both_schedules_have_one():
    for name, module, schedule in (("integer_tiles", batch, BATCH), ("channel_integer_tiles", channel, CHANNEL)):
        family = FAMILIES[name]
        assert family.schedules == (schedule,)
        assert family.types == ("Convolution", "Deconvolution", "InnerProduct")
        assert family.fuses
        assert family.quantized
        # Lines of 64 channels are read at once.
        assert not family.scalars
        assert family.__doc__ == module.tiles_step.__doc__
