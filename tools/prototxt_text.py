"""Write a Caffe network as text: one method a layer type, with shapes and cost counted along the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

#: Messages that fit into this many columns are written on one line.
COLUMNS = 100

Fields = Mapping[str, Any]


def quoted(text: str) -> str:
    """Return `text` as a string of the text format; names that are not quoted are enum values."""
    return f'"{text}"'


def _lines(fields: Fields, indent: str) -> list[str]:
    """Return a message's fields as lines: mappings are messages, sequences repeated fields."""
    lines = []
    for name, value in fields.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if not isinstance(item, Mapping):
                lines.append(f"{indent}{name}: {str(item).lower() if isinstance(item, bool) else item}")
                continue
            inner = _lines(item, indent + "  ")
            short = f"{indent}{name} {{ {' '.join(line.strip() for line in inner)} }}"
            lines += [short] if len(short) <= COLUMNS else [f"{indent}{name} {{", *inner, f"{indent}}}"]
    return lines


@dataclass(frozen=True)
class Kernel:
    """A sliding window; `pad` is half of an odd size where it is not given."""

    size: int
    stride: int = 1
    pad: int | None = None
    group: int = 1

    @property
    def padding(self) -> int:
        """Zeros on each side."""
        return self.size // 2 if self.pad is None else self.pad

    def fields(self) -> dict[str, int]:
        """Return the fields of a convolution or pooling message that differ from Caffe's defaults."""
        usual = {"pad": 0, "kernel_size": 0, "group": 1, "stride": 1}
        own = {"pad": self.padding, "kernel_size": self.size, "group": self.group, "stride": self.stride}
        return {name: value for name, value in own.items() if value != usual[name]}


class NetText:
    """A network's text in the making. Every method appends layers and returns the name of their top.

    Parameters
    ----------
    name : str
        The net's name.
    input_shape : (C, H, W)
        Shape of one image of the blob ``data``.
    input_fields : mapping
        Further fields of the Input layer.

    Attributes
    ----------
    macs, parameters : int
        Multiply-accumulates for one image, padding counted as data; elements of all blobs of the weights.
    """

    def __init__(self, name: str, input_shape: tuple[int, int, int], input_fields: Fields | None = None):
        self.shapes = {"data": input_shape}
        self.macs = self.parameters = 0
        self._lines = [f"name: {quoted(name)}"]
        shape = {"input_param": {"shape": {"dim": [1, *input_shape]}}}
        self._layer("data", "Input", [], "data", **shape, **(input_fields or {}))

    def text(self) -> str:
        """Return the prototxt."""
        return "\n".join(self._lines) + "\n"

    def _layer(self, name: str, type: str, bottoms: Sequence[str], top: str, **params: Fields) -> str:
        head = {
            "name": quoted(name),
            "type": quoted(type),
            "bottom": [quoted(bottom) for bottom in bottoms],
            "top": quoted(top),
        }
        self._lines += ["layer {", *_lines({**head, **params}, "  "), "}"]
        return top

    def conv(self, name: str, bottom: str, channels: int, kernel: Kernel, bias: bool = True) -> str:
        """Append a convolution."""
        c, h, w = self.shapes[bottom]
        p, q = ((size + 2 * kernel.padding - kernel.size) // kernel.stride + 1 for size in (h, w))
        weights = channels * (c // kernel.group) * kernel.size**2
        self.macs += weights * p * q
        self.parameters += weights + channels * bias
        self.shapes[name] = (channels, p, q)
        fields = {"num_output": channels} | ({} if bias else {"bias_term": False}) | kernel.fields()
        return self._layer(name, "Convolution", [bottom], name, convolution_param=fields)

    def bn(self, name: str, bottom: str, top: str | None = None) -> str:
        """Append BatchNorm and Scale, in place unless `top` is given."""
        top = top or bottom
        self.shapes[top] = self.shapes[bottom]
        # mean, variance, the moving average's factor; gamma, beta
        self.parameters += 4 * self.shapes[bottom][0] + 1
        self._layer(f"{name}/bn", "BatchNorm", [bottom], top, batch_norm_param={"use_global_stats": True})
        return self._layer(f"{name}/scale", "Scale", [top], top, scale_param={"bias_term": True})

    def relu(self, name: str, bottom: str) -> str:
        """Append a ReLU in place."""
        return self.activation(name, "ReLU", bottom)

    def activation(self, name: str, type: str, bottom: str) -> str:
        """Append a layer of a function of each value, such as HSwish, in place."""
        return self._layer(name, type, [bottom], bottom)

    def conv_relu(self, name: str, bottom: str, channels: int, kernel: Kernel) -> str:
        """Append convolution (with bias) and ReLU."""
        return self.relu(f"{name}/relu", self.conv(name, bottom, channels, kernel))

    def conv_bn(self, name: str, bottom: str, channels: int, kernel: Kernel) -> str:
        """Append convolution (without bias), BatchNorm, Scale."""
        return self.bn(name, self.conv(name, bottom, channels, kernel, bias=False))

    def conv_bn_relu(self, name: str, bottom: str, channels: int, kernel: Kernel) -> str:
        """Append convolution (without bias), BatchNorm, Scale, ReLU."""
        return self.relu(f"{name}/relu", self.conv_bn(name, bottom, channels, kernel))

    def pool(self, name: str, bottom: str, method: str, kernel: Kernel) -> str:
        """Append MAX or AVE pooling; sizes are rounded up and the last window starts inside, as in Caffe."""
        c, *sizes = self.shapes[bottom]
        outs = [ceil((size + 2 * kernel.padding - kernel.size) / kernel.stride) + 1 for size in sizes]
        if kernel.padding:
            outs = [
                out - ((out - 1) * kernel.stride >= size + kernel.padding)
                for out, size in zip(outs, sizes, strict=True)
            ]
        self.shapes[name] = (c, outs[0], outs[1])
        return self._layer(name, "Pooling", [bottom], name, pooling_param={"pool": method} | kernel.fields())

    def global_pool(self, name: str, bottom: str) -> str:
        """Append the average over each whole map."""
        self.shapes[name] = (self.shapes[bottom][0], 1, 1)
        return self._layer(name, "Pooling", [bottom], name, pooling_param={"pool": "AVE", "global_pooling": True})

    def excite(self, name: str, bottom: str, squeezed: int) -> str:
        """Append what multiplies each channel by a factor that all channels' averages give (squeeze and excitation)."""
        c = self.shapes[bottom][0]
        x = self.conv_relu(f"{name}/squeeze", self.global_pool(f"{name}/pool", bottom), squeezed, Kernel(1))
        x = self.activation(f"{name}/factor", "HSigmoid", self.conv(f"{name}/expand", x, c, Kernel(1)))
        self._layer(f"{name}/flat", "Flatten", [x], f"{name}/flat")
        self.shapes[name] = self.shapes[bottom]
        return self._layer(name, "Scale", [bottom, f"{name}/flat"], name, scale_param={"axis": 0})

    def lrn(self, name: str, bottom: str) -> str:
        """Append local response normalisation over 5 channels with AlexNet's constants."""
        self.shapes[name] = self.shapes[bottom]
        return self._layer(name, "LRN", [bottom], name, lrn_param={"local_size": 5, "alpha": 0.0001, "beta": 0.75})

    def sum(self, name: str, bottoms: Sequence[str]) -> str:
        """Append an element-wise sum."""
        self.shapes[name] = self.shapes[bottoms[0]]
        return self._layer(name, "Eltwise", bottoms, name, eltwise_param={"operation": "SUM"})

    def concat(self, name: str, bottoms: Sequence[str]) -> str:
        """Append a concatenation along the channels."""
        _, h, w = self.shapes[bottoms[0]]
        self.shapes[name] = (sum(self.shapes[bottom][0] for bottom in bottoms), h, w)
        return self._layer(name, "Concat", bottoms, name)

    def dropout(self, name: str, bottom: str, ratio: float) -> str:
        """Append Dropout in place."""
        return self._layer(name, "Dropout", [bottom], bottom, dropout_param={"dropout_ratio": ratio})

    def fc(self, name: str, bottom: str, outputs: int) -> str:
        """Append an InnerProduct."""
        c, h, w = self.shapes[bottom]
        self.macs += c * h * w * outputs
        self.parameters += c * h * w * outputs + outputs
        self.shapes[name] = (outputs, 1, 1)
        return self._layer(name, "InnerProduct", [bottom], name, inner_product_param={"num_output": outputs})

    def softmax(self, name: str, bottom: str) -> str:
        """Append the Softmax that turns outputs into probabilities."""
        return self._layer(name, "Softmax", [bottom], name)
