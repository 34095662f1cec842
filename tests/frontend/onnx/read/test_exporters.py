"""Models as PyTorch's exporter to ONNX writes them: what nets for images are built of, in small."""

import io
import warnings

import onnx
import pytest

from tests.frontend.onnx.read.onnx_models import check
from tests.pytorch import require_torch, torch

require_torch()
nn, functional = torch.nn, torch.nn.functional


def _conv(inputs, outputs, kernel=3, stride=1, groups=1, act=nn.ReLU):
    """Convolution, BatchNorm with statistics of its own, activation."""
    norm = nn.BatchNorm2d(outputs)
    norm.running_mean.uniform_(-0.5, 0.5)
    norm.running_var.uniform_(0.5, 1.5)
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, norm, act())


class Residual(nn.Module):
    """ResNet's block with a projection (He et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(_conv(3, 8, 3, 2), _conv(8, 8, act=nn.Identity))
        self.projection = _conv(3, 8, 1, 2, act=nn.Identity)

    def forward(self, x):
        return functional.relu(self.body(x) + self.projection(x))


class Squeezed(nn.Module):
    """MobileNetV3's block: depthwise, squeeze and excitation, hard functions (Howard et al. 2019)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(_conv(3, 8, 1, act=nn.Hardswish), _conv(8, 8, 5, 2, 8, nn.Hardswish))
        self.factors = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1))
        self.last = _conv(8, 6, 1, act=nn.Identity)

    def forward(self, x):
        x = self.first(x)
        return self.last(x * functional.hardsigmoid(self.factors(x)))


class Swishing(nn.Module):
    """EfficientNet's factors: SiLU and sigmoid (Tan and Le 2019)."""

    def __init__(self):
        super().__init__()
        self.first, self.factors = _conv(3, 8, 3, 2, act=nn.SiLU), nn.Conv2d(8, 8, 1)

    def forward(self, x):
        x = self.first(x)
        return x * torch.sigmoid(self.factors(x.mean((2, 3), keepdim=True)))


class Fire(nn.Module):
    """SqueezeNet's and GoogLeNet's branches that are joined, and a pool whose sizes are rounded up."""

    def __init__(self):
        super().__init__()
        self.squeeze, self.one, self.three = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 5, 1), nn.Conv2d(4, 5, 3, padding=1)

    def forward(self, x):
        x = functional.relu(self.squeeze(functional.max_pool2d(x, 3, 2, ceil_mode=True)))
        return torch.cat([functional.relu(self.one(x)), functional.relu(self.three(x))], 1)


class Dense(nn.Module):
    """DenseNet's layers, each of which reads all before it, and its classifier (Huang et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(_conv(3 + 4 * number, 4) for number in range(3))
        self.classifier = nn.Linear(15, 7)

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        x = functional.adaptive_avg_pool2d(functional.avg_pool2d(x, 2), 1)
        return functional.softmax(self.classifier(torch.flatten(x, 1)), dim=1)


class Shuffled(nn.Module):
    """ShuffleNetV2's unit: halves of the channels, that are shuffled (Ma et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.stem, self.branch = _conv(3, 8, 3, 2), _conv(4, 4, groups=4)

    def forward(self, x):
        left, right = self.stem(x).chunk(2, dim=1)
        x = torch.cat((left, self.branch(right)), dim=1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


class UNet(nn.Module):
    """Down and up again, transposed and resized, beside what was before (Ronneberger et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.down, self.bottom, self.up = _conv(3, 4), _conv(4, 8), nn.ConvTranspose2d(8, 4, 2, 2)
        self.head = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        wide = self.down(x)
        low = self.bottom(functional.max_pool2d(wide, 2))
        resized = functional.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(torch.cat([wide, self.up(low), resized], 1))


class Yolo(nn.Module):
    """Two scales of boxes, places after attributes, in one list (as YOLOv5's head)."""

    def __init__(self):
        super().__init__()
        self.stem, self.down = _conv(3, 8, 3, 2, act=nn.SiLU), _conv(8, 8, 3, 2, act=nn.SiLU)
        self.heads = nn.ModuleList(nn.Conv2d(8 + 8 * first, 2 * 7, 1) for first in (True, False))

    def forward(self, x):
        large = self.stem(x)
        small = self.down(large)
        large = torch.cat([large, functional.interpolate(small, scale_factor=2, mode="nearest")], 1)
        found = []
        for head, scale in zip(self.heads, (large, small), strict=True):
            y = head(scale)
            n, _, h, w = y.shape
            y = y.view(n, 2, 7, h, w).permute(0, 1, 3, 4, 2).sigmoid()
            xy, size, rest = y.split((2, 2, 3), 4)
            found.append(torch.cat([xy * 2 - 0.5, (size * 2) ** 2, rest], 4).view(n, 2 * h * w, 7))
        return torch.cat(found, 1)


@pytest.mark.parametrize(
    "kind", [Residual, Squeezed, Swishing, Fire, Dense, Shuffled, UNet, Yolo], ids=lambda c: c.__name__
)
def test_models_that_pytorch_exports(kind):
    torch.manual_seed(0)
    module, file = kind().eval(), io.BytesIO()
    with warnings.catch_warnings():
        # This exporter is the old one, which needs no further package.
        warnings.simplefilter("ignore")
        axes = {"x": {0: "n"}, "y": {0: "n"}}
        torch.onnx.export(
            module,
            (torch.zeros(1, 3, 16, 24),),
            file,
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes=axes,
        )
    check(onnx.load_from_string(file.getvalue()))
