"""The families of both schedules: alike but for the steps; registered with what their steps say of themselves."""

from itertools import product

from xdn.kernels.contract.matrix.blobs import batch, channel
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import BATCH, CHANNEL


def test_both_schedules_have_one():
    for kind, module, schedule in product(("integer_tiles", "pair_tiles"), (batch, channel), (BATCH, CHANNEL)):
        if (schedule is BATCH) != (module is batch):
            continue
        family = FAMILIES[schedule.op(kind)]
        assert family.schedules == (schedule,)
        assert family.types == ("Convolution", "Deconvolution", "InnerProduct")
        assert family.fuses
        assert family.quantized == (kind == "integer_tiles") != family.bf16
        # Lines of channels are read at once.
        assert not family.scalars
        assert family.__doc__ == module.tiles_step.__doc__
