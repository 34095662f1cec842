#!/usr/bin/env python3
"""Train the ResNet-20 of `prototxt/resnet20_*` with PyTorch.

The recipe is short on purpose: SGD with Nesterov momentum, a one-cycle schedule, crops out of
a reflected border of 4 pixels, mirroring where the data set allows it. A run resumes from its last
epoch. `--export` writes the trained weights as a caffemodel; with the epochs of a finished run it only does that.

The weights that ship were trained so, on CIFAR-10 in two cycles:

    python tools/train_resnet20.py --bf16 --data glyphs10 --epochs 10 --out build/glyphs10 \\
        --export prototxt/resnet20_glyphs10/resnet20.caffemodel
    python tools/train_resnet20.py --bf16 --data cifar10 --epochs 24 --out build/cifar10
    python tools/train_resnet20.py --bf16 --data cifar10 --epochs 14 --lr 0.1 --seed 2 \\
        --init build/cifar10/snapshot.pt --out build/cifar10_2 \\
        --export prototxt/resnet20_cifar10/resnet20.caffemodel
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from xdn import settings
from xdn.data import find_dataset
from xdn.frontend import load as load_net
from xdn.frontend.caffemodel import write_caffemodel
from xdn.graph.verify import verify

PROTOTXT = Path(__file__).resolve().parent.parent / "prototxt"
MEAN = (125.3, 123.0, 113.9)
SCALE = 0.015625
PADDING = 4
#: Largest difference of a probability between PyTorch and the exported net: f32 sums in another order.
EXPORT_TOLERANCE = 1e-5


class ConvBn(nn.Module):
    """A convolution without bias, batch normalisation, and, on request, ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int = 1, relu: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(c_out)
        self.relu = relu
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        y = self.bn(self.conv(x))
        return F.relu(y) if self.relu else y


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a projection where the shape changes."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1 = ConvBn(c_in, c_out, 3, stride)
        self.conv2 = ConvBn(c_out, c_out, 3, relu=False)
        changes = stride != 1 or c_in != c_out
        self.proj = ConvBn(c_in, c_out, 1, stride, relu=False) if changes else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv2(self.conv1(x)) + self.proj(x))


class ResNet20(nn.Module):
    """The CIFAR ResNet of He et al. (2015), section 4.2, n = 3, with projection shortcuts."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = ConvBn(3, 16, 3)
        widths = [(16, 16, 1), (16, 32, 2), (32, 64, 2)]
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(c_in if b == 0 else c, c, stride if b == 0 else 1) for b in range(3))
            for c_in, c, stride in widths
        )
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = self.conv1(x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.fc(x.mean((2, 3)))


def batches(images, labels, size: int, mirror: bool, generator: np.random.Generator):
    """Yield shuffled, augmented batches (N, 3, 32, 32) of transformed images and their labels."""
    padded = np.pad(images, ((0, 0), (0, 0), (PADDING, PADDING), (PADDING, PADDING)), mode="reflect")
    order = generator.permutation(len(images))
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    for start in range(0, len(order) - size + 1, size):
        picked = order[start : start + size]
        dy, dx = generator.integers(0, 2 * PADDING + 1, (2, size))
        flip = generator.random(size) < 0.5 if mirror else np.zeros(size, bool)
        crops = np.empty((size, 3, 32, 32), np.uint8)
        for i, (p, y, x) in enumerate(zip(picked, dy, dx, strict=True)):
            crop = padded[p, :, y : y + 32, x : x + 32]
            crops[i] = crop[:, :, ::-1] if flip[i] else crop
        yield (torch.from_numpy(crops).float() - mean) * SCALE, torch.from_numpy(labels[picked])


def accuracy(model: nn.Module, images, labels) -> float:
    """Return the percentage of images whose largest output is at their label."""
    model.eval()
    mean, right = torch.tensor(MEAN).view(1, 3, 1, 1), 0
    with torch.inference_mode():
        for start in range(0, len(images), 500):
            x = (torch.from_numpy(images[start : start + 500]).float() - mean) * SCALE
            x = x.contiguous(memory_format=torch.channels_last)
            right += (model(x).argmax(1).numpy() == labels[start : start + 500]).sum()
    return 100.0 * float(right) / len(images)


def load(name: str, folder: Path):
    """Return (train images, train labels, test images, test labels); images are u8 (N, 3, 32, 32)."""
    arrays = []
    for split in ("train", "test"):
        data = find_dataset(name, split, folder)
        arrays += [np.ascontiguousarray(data.images(0, len(data)).transpose(0, 3, 1, 2)), data.labels.astype(np.int64)]
    return arrays


def caffe_weights(model: nn.Module) -> dict[str, dict[str, np.ndarray]]:
    """Return Caffe layer name -> its weights, for the layer names that `prototxt/resnet20_*` gives."""
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, ConvBn):
            # "stages.0.2.proj" is the layer "s1b3/proj"; "conv1" keeps its name.
            head, *inner = path.split(".")
            name = f"s{int(inner[0]) + 1}b{int(inner[1]) + 1}/{inner[2]}" if inner else head
            bn = module.bn
            found[name] = {"weight": module.conv.weight}
            found[f"{name}/bn"] = {"mean": bn.running_mean, "variance": bn.running_var, "scale_factor": torch.ones(1)}
            found[f"{name}/scale"] = {"scale": bn.weight, "bias": bn.bias}
        elif isinstance(module, nn.Linear):
            found[path] = {"weight": module.weight, "bias": module.bias}
    return {
        layer: {name: tensor.detach().float().contiguous().numpy().copy() for name, tensor in tensors.items()}
        for layer, tensors in found.items()
    }


def export(model: nn.Module, prototxt: Path, caffemodel: Path) -> None:
    """Write the model's weights as the caffemodel of `prototxt`, once both are found to compute the same."""
    net = load_net(prototxt)
    transform = net.input_layers[0].params.transform
    if (transform.mean_value, transform.scale) != (MEAN, SCALE):
        raise SystemExit(f"{prototxt} states {transform}; this model was trained with mean {MEAN}, scale {SCALE}")
    arrays = caffe_weights(model)
    net = net.replace(layers=tuple(layer.replace(weights=arrays.get(layer.name, {})) for layer in net.layers))
    verify(net)
    x = np.random.default_rng(0).standard_normal((4, 3, 32, 32)).astype(np.float32)
    model.eval()
    with torch.inference_mode():
        expected = model(torch.from_numpy(x)).softmax(1).numpy()
    difference = np.abs(net.with_batch(4).forward({"data": x})["prob"] - expected).max()
    if not difference < EXPORT_TOLERANCE:
        raise SystemExit(f"{prototxt} differs from the model by {difference}; nothing was written")
    write_caffemodel(caffemodel, net)
    print(json.dumps({"caffemodel": str(caffemodel), "largest_difference": float(difference)}))


def train(args: argparse.Namespace) -> nn.Module:
    """Train, one snapshot an epoch, and return the model."""
    torch.manual_seed(args.seed)
    x_train, y_train, x_test, y_test = load(args.data, args.data_dir)
    model = ResNet20().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = len(x_train) // args.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, epochs=args.epochs, steps_per_epoch=steps, pct_start=0.25
    )
    if args.init:
        model.load_state_dict(torch.load(args.init, weights_only=True)["model"])
    snapshot, first = args.out / "snapshot.pt", 0
    if snapshot.exists():
        state = torch.load(snapshot, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first = state["epoch"]
    for epoch in range(first, args.epochs):
        model.train()
        start, total = time.perf_counter(), 0.0
        generator = np.random.default_rng([args.seed, epoch])
        for x, y in batches(x_train, y_train, args.batch, args.data == "cifar10", generator):
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                loss = F.cross_entropy(model(x.contiguous(memory_format=torch.channels_last)), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        row = {
            "epoch": epoch + 1,
            "loss": round(total / steps, 4),
            "test_accuracy": round(accuracy(model, x_test, y_test), 2),
            "seconds": round(time.perf_counter() - start, 1),
        }
        print(json.dumps(row), flush=True)
        with (args.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "epoch": epoch + 1,
            },
            snapshot,
        )
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=settings.DEFAULT_DATASETS, default="cifar10")
    parser.add_argument("--data-dir", type=Path, default=Path.home() / ".cache" / "xdn")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, metavar="SNAPSHOT", help="start from the weights of another run")
    parser.add_argument("--bf16", action="store_true", help="train in bfloat16 where PyTorch's autocast allows it")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write the weights as a caffemodel")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = train(args)
    if args.export:
        export(model, PROTOTXT / f"resnet20_{args.data}" / "resnet20.prototxt", args.export)


if __name__ == "__main__":
    main()
