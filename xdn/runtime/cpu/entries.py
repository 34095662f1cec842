"""How the caller's arrays become blobs: as they are, or at once as all who read them read them."""

from collections.abc import Mapping, Sequence

from xdn.graph import Layer, Net
from xdn.kernels.core.family import Step
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.move.images import PixelSource, load_pixels, load_planes
from xdn.kernels.move.word_images import quantize_pixels, quantize_planes
from xdn.layers.quantize import Quantize


def run_layers(net: Net, outputs: Sequence[str]) -> list[Layer]:
    """Return the layers on which `outputs` depend, in order, without inputs."""
    blobs, found = set(outputs), []
    for layer in reversed(net.layers):
        if blobs.intersection(layer.tops):
            found.append(layer)
            blobs.update(layer.bottoms)
    return [layer for layer in reversed(found) if not layer.params.is_input]


def quantized_inputs(net: Net, outputs: Sequence[str]) -> dict[str, Layer]:
    """Return input -> the Quantize that alone reads it where `outputs` are given.

    The step that reads the caller's array does its work.
    """
    readers: dict[str, list[Layer]] = {name: [] for name in net.inputs if name not in outputs}
    for layer in run_layers(net, outputs):
        for bottom in layer.bottoms:
            if bottom in readers:
                readers[bottom].append(layer)
    alone = {name: found[0] for name, found in readers.items() if len(found) == 1}
    return {name: layer for name, layer in alone.items() if isinstance(layer.params, Quantize)}


def entry_steps(
    inputs: Sequence[str],
    quantized: Mapping[str, Layer],
    layouts: Mapping[str, BlockLayout],
    pixels: PixelSource | None = None,
) -> list[Step]:
    """Return the step that reads each input from the caller's array.

    Parameters
    ----------
    inputs : sequence of str
    quantized : mapping
        What `quantized_inputs` gives.
    layouts : mapping
        Blob -> how it lies.
    pixels : PixelSource, optional
        The only input is u8 images instead of f32 planes.
    """
    steps = []
    for number, name in enumerate(inputs):
        layer = quantized.get(name)
        params = layer.params if layer else None
        if layer is None or not isinstance(params, Quantize):
            layout = layouts[name]
            steps.append(load_pixels(name, number, layout, pixels) if pixels else load_planes(name, number, layout))
            continue
        (top,), how = layer.tops, params.quantized
        if pixels:
            steps.append(quantize_pixels(top, number, layouts[top], how, pixels))
        else:
            steps.append(quantize_planes(top, number, layouts[top], how))
    return steps
