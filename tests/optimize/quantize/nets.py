"""Random nets whose layers read 8-bit integers, or bf16."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tests.optimize.test_random_nets import nets
from xdn.graph import Bf16, Quantized
from xdn.graph.reading import why_no_bf16, why_real
from xdn.optimize.check import reference, run, seeded_batch
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.stage import PLAIN, POST_FUSION, stage_names


@st.composite
def quantized_nets(draw, net, scales=None):
    """Draw which layers of a net read integers, of 8 bits or fewer; mostly one scale a blob, sometimes another.

    `scales` has a Quantized for each blob; any is taken where it is left out.
    """
    made, own = [], dict(scales or {})
    for each in net.layers:
        bottoms = [net.blobs[name] for name in each.bottoms]
        if each.params.is_input or why_real(each, bottoms) or draw(st.integers(0, 4)) == 0:
            made.append(each)
            continue
        count = len(each.bottoms) - bool(each.residual and draw(st.integers(0, 2)) == 0)
        how = []
        for name in each.bottoms[:count]:
            usual = own.setdefault(name, Quantized(0.01 + 0.01 * len(own), draw(st.booleans())))
            other = Quantized(0.5 * usual.scale, usual.signed)
            how.append(replace(usual if draw(st.integers(0, 4)) else other, bits=draw(st.sampled_from((8, 8, 4)))))
        made.append(each.replace(quantized=tuple(how)))
    return net.replace(layers=tuple(made))


@st.composite
def mixed_nets(draw, net):
    """Draw which layers of a net read bf16; of the others some read 8-bit integers."""
    return draw(reading_bf16(draw(quantized_nets(net))))


@st.composite
def reading_bf16(draw, net):
    """Draw which layers of a net read bf16, whatever they read in `net`."""
    taken = [
        not each.params.is_input
        and why_no_bf16(each, [net.blobs[name] for name in each.bottoms]) is None
        and draw(st.integers(0, 2)) > 0
        for each in net.layers
    ]
    layers = (
        each.replace(quantized=(Bf16(),) * len(each.bottoms)) if of_bf16 else each
        for each, of_bf16 in zip(net.layers, taken, strict=True)
    )
    return net.replace(layers=tuple(layers))


@st.composite
def calibrated_nets(draw, bf16=False):
    """Draw a fused net whose layers read integers that cover what its blobs hold on the seeded batch, or bf16."""
    net = apply_stages(draw(nets()), [*stage_names(PLAIN), *stage_names(POST_FUSION)])
    scales = {}
    for name, values in run(reference, net, seeded_batch(net)).items():
        signed = bool(values.min() < 0)
        largest = max(float(np.abs(values).max()), 1e-3)
        scales[name] = Quantized(largest / (127 if signed else 255), signed)
    net = draw(quantized_nets(net, scales))
    return draw(reading_bf16(net)) if bf16 else net
