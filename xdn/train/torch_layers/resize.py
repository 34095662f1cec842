"""Interp in PyTorch."""

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional as F

from xdn.layers.interp import Interp
from xdn.train.torch_layers.base import Mode, blobs_of, torch_layer


@torch_layer("Interp")
def interp(params: Interp, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Bilinear with aligned corners, behind the crop."""
    (top,) = params.infer(blobs_of(bottoms), 1)
    h, w = bottoms[0].shape[2:]
    part = bottoms[0][:, :, -params.pad_beg : h + params.pad_end, -params.pad_beg : w + params.pad_end]
    return F.interpolate(part, top.shape[2:], mode="bilinear", align_corners=True)
