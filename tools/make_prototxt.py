#!/usr/bin/env python3
"""Write the networks of `prototxt/`: one folder each, with its text and a README of its figures; and their list.

python tools/make_prototxt.py             # rewrite prototxt/ and the list in Chinese, print that in English
python tools/make_prototxt.py --out DIR   # write below another folder than that of the project
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from generated import DOCS, header
from prototxt_nets import (
    MOBILENET_V3_LARGE,
    MOBILENET_V3_SMALL,
    cifar_resnet,
    densenet121,
    googlenet,
    googlenet_32,
    lenet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v3_cifar,
    resnet50,
    squeezenet,
    vgg16,
)
from prototxt_text import NetText
from translated import Say, chinese, english

from xdn.files import write_atomically

SOLVER = "solver.prototxt"
#: Pages that list all networks, below the project's folder -> what says them, and where a folder's name leads.
LISTS = {
    "prototxt/README.md": (english, "{}/"),
    "docs/zh/networks.md": (chinese, "../../prototxt/{}/README.zh-CN.md"),
}
#: Pages of one folder -> what says them.
READMES = {"README.md": english, "README.zh-CN.md": chinese}
#: What leads from either to the other.
LANGUAGES = "English | [简体中文](README.zh-CN.md)"

RESNET = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition (2015), arXiv:1512.03385"
CIFAR_RESNET = f"{RESNET}, section 4.2"
PROJECTION = "Shortcuts are projections (1x1 convolutions) where the shape changes, the identity elsewhere."
CAFFE_RESNET = (
    "As in the authors' Caffe version, a block's stride is on its first 1x1 convolution, and the stem's 3x3/2 max "
    "pooling is not padded: Caffe rounds the size up."
)

GOOGLENET = "Szegedy et al.: Going Deeper with Convolutions (2014), arXiv:1409.4842"
MOBILENET_V3 = "Howard et al.: Searching for MobileNetV3 (2019), arXiv:1905.02244"
EXCITED = (
    "HSwish and HSigmoid are layers that ports of it brought to Caffe. Channels are squeezed to a quarter, a multiple "
    "of 8, and excited by a Scale of two bottoms."
)


@dataclass(frozen=True)
class Recipe:
    """What the solvers of the trained pairs do not share.

    Parameters
    ----------
    epochs : int
    mirror : bool
        Whether an image's class survives mirroring.
    cycles : int
        How often the solver is run, each time with the weights of the time before.
    base_lr : float
    batch : int
    bf16 : bool
        Whether to multiply in bfloat16 where the processor does so itself.
    logs : bool
        Whether the logs of the training that gave the shipped weights lie beside them.
    """

    epochs: int
    mirror: bool
    cycles: int = 1
    base_lr: float = 0.2
    batch: int = 128
    bf16: bool = True
    logs: bool = True


@dataclass(frozen=True)
class Entry:
    """One folder of `prototxt/`.

    Parameters
    ----------
    build : callable
        Makes the network's text.
    title, source, data : str
        For the README: the network, where its architecture was published, the data set it is meant for.
    notes : str
        What differs from the paper.
    trained_on, accuracy : str
        The data set of the shipped weights and what they reach there; empty where none are shipped.
    file : str
        Name of the prototxt.
    recipe : Recipe, optional
        How the shipped weights are trained.
    """

    build: Callable[[], NetText]
    title: str
    source: str
    data: str
    notes: str = ""
    trained_on: str = ""
    accuracy: str = ""
    file: str = "deploy.prototxt"
    recipe: Recipe | None = None


CIFAR = "CIFAR-10 (ten classes)"
IMAGENET = "ImageNet (1000 classes)"
UNTRAINED = {
    **{
        f"resnet{depth}": Entry(partial(cifar_resnet, depth), f"ResNet-{depth}", CIFAR_RESNET, CIFAR, PROJECTION)
        for depth in (20, 32, 44, 56, 110)
    },
    "resnet50_32": Entry(partial(resnet50, "ResNet-50-32", 32, 10), "ResNet-50", RESNET, CIFAR, CAFFE_RESNET),
    "resnet50": Entry(partial(resnet50, "ResNet-50", 224, 1000), "ResNet-50", RESNET, IMAGENET, CAFFE_RESNET),
    "googlenet": Entry(
        googlenet,
        "GoogLeNet (Inception v1)",
        GOOGLENET,
        IMAGENET,
        "Without the two auxiliary classifiers, which only training uses.",
    ),
    "googlenet_32": Entry(
        googlenet_32,
        "GoogLeNet (Inception v1)",
        GOOGLENET,
        CIFAR,
        "For images of 32x32 the first filters are 3x3 of stride 1, and there is no pool before the first module: maps "
        "of the modules are 16x16, 8x8 and 4x4. Every convolution has a BatchNorm, in place of the normalisation of "
        "responses, the dropout and the auxiliary classifiers.",
    ),
    "squeezenet_v1.1": Entry(
        squeezenet,
        "SqueezeNet 1.1",
        "Iandola et al.: SqueezeNet (2016), arXiv:1602.07360; version 1.1 is in its authors' repository",
        IMAGENET,
        "Fully convolutional: the average over the last maps gives the classes.",
    ),
    "mobilenet_v1": Entry(
        mobilenet_v1,
        "MobileNet v1",
        "Howard et al.: MobileNets (2017), arXiv:1704.04861",
        IMAGENET,
        "Depthwise convolutions are convolutions with as many groups as channels.",
    ),
    "mobilenet_v2": Entry(
        mobilenet_v2,
        "MobileNet v2",
        "Sandler et al.: MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018), arXiv:1801.04381",
        IMAGENET,
        "ReLU stands where the paper has ReLU6, a layer that Caffe does not have.",
    ),
    "mobilenet_v3_large": Entry(
        partial(mobilenet_v3, "MobileNet-v3-large", MOBILENET_V3_LARGE, 1280),
        "MobileNet v3, large",
        MOBILENET_V3,
        IMAGENET,
        EXCITED,
    ),
    "mobilenet_v3_small": Entry(
        partial(mobilenet_v3, "MobileNet-v3-small", MOBILENET_V3_SMALL, 1024),
        "MobileNet v3, small",
        MOBILENET_V3,
        IMAGENET,
        EXCITED,
    ),
    "vgg16": Entry(
        vgg16,
        "VGG-16",
        "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition (2014), "
        "configuration D, arXiv:1409.1556",
        IMAGENET,
    ),
    "densenet121": Entry(
        densenet121,
        "DenseNet-121",
        "Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks (2016), arXiv:1608.06993",
        IMAGENET,
        "The stem's 3x3/2 max pooling is not padded: Caffe rounds the size up, so that maps are 56x56 as in the paper.",
    ),
    "lenet": Entry(
        lenet,
        "LeNet",
        "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition (1998)",
        "MNIST (ten digits)",
        "The variant that Caffe's MNIST example made common: max pooling, 20 and 50 filters, one ReLU.",
    ),
}

TRAINED = {
    f"resnet20_{name}": Entry(
        partial(cifar_resnet, 20, name),
        f"ResNet-20, trained on {title}",
        CIFAR_RESNET,
        title,
        f"{PROJECTION} The Input layer carries the transform of the images.",
        trained_on=name,
        accuracy=accuracy,
        file="resnet20.prototxt",
        recipe=recipe,
    )
    for name, title, accuracy, recipe in [
        ("cifar10", "CIFAR-10", "91.83 % (9,183 of the 10,000 test images)", Recipe(24, mirror=True, cycles=2)),
        ("glyphs10", "Glyphs-10 (synthetic)", "94.97 % (9,497 of the 10,000 test images)", Recipe(10, mirror=False)),
    ]
}

TRAINED["mobilenet_v3_cifar10"] = Entry(
    partial(mobilenet_v3_cifar, "cifar10"),
    "MobileNet v3, small, trained on CIFAR-10",
    MOBILENET_V3,
    "CIFAR-10",
    f"Three quarters of the channels; the first and the third stride are 1, and 256 values are before the classes. "
    f"{EXCITED} The Input layer carries the transform of the images. Five epochs are few, 17 minutes of one core: "
    "a longer training reaches more.",
    trained_on="cifar10",
    accuracy="79.47 % (7,947 of the 10,000 test images)",
    file="mobilenet_v3.prototxt",
    recipe=Recipe(5, mirror=True, base_lr=0.08, batch=64, bf16=False, logs=False),
)

ENTRIES = UNTRAINED | TRAINED


def solver(entry: Entry, recipe: Recipe) -> str:
    """Return the solver of a trained pair: Nesterov's momentum and one cycle (Smith and Topin 2017)."""
    bf16 = "" if recipe.bf16 else "  bf16: OFF\n"
    return f"""# Train it again: xdn-train {SOLVER}
net: "{entry.file}"
type: "Nesterov"
base_lr: {recipe.base_lr}
lr_policy: "onecycle"
momentum: 0.95
weight_decay: 0.0005
average_loss: 100
test_initialization: false
random_seed: 1
xdn_param {{
  data: "{entry.trained_on}"
  epochs: {recipe.epochs}
  batch_size: {recipe.batch}
  pad: 4
  pad_mode: REFLECT
  mirror: {str(recipe.mirror).lower()}
  warmup: 0.25
  initial_factor: 0.04
  final_factor: 4e-06
  low_momentum: 0.85
{bf16}}}
"""


def readme(folder: str, entry: Entry, net: NetText, say: Say) -> str:
    """Return the README of one folder."""
    weights, accuracy = say("no weights shipped"), say("no weights, no accuracy")
    if recipe := entry.recipe:
        weights, accuracy = weights_from(folder, entry, recipe, say), say(entry.accuracy)
    rows = {
        "architecture": say(entry.source),
        "input": "x".join(map(str, net.shapes["data"])),
        "data set": say(entry.data),
        "MACs an image": f"{net.macs:,}",
        "parameters": say("{} (BatchNorm's statistics included)").format(f"{net.parameters:,}"),
        "weights": weights,
        "accuracy": accuracy,
    }
    table = "".join(f"| {say(name)} | {text} |\n" for name, text in rows.items())
    notes = f"\n{say(entry.notes)}\n" if entry.notes else ""
    show = say("Show it: {}").format(f"`xdn-inspect prototxt/{folder}/{entry.file}`")
    return f"# {title_of(entry, say)}\n\n{say(LANGUAGES)}\n\n| | |\n|---|---|\n{table}{notes}\n{show}\n"


def weights_from(folder: str, entry: Entry, recipe: Recipe, say: Say) -> str:
    """Return where the weights that ship are from."""
    command = f"xdn-train prototxt/{folder}/{SOLVER}"
    file, logs = f"`{Path(entry.file).stem}.caffemodel`", "`cycle1.log.jsonl`"
    weights = say("{}, from {}").format(file, f"`{command}`")
    if recipe.cycles == 2:
        weights = say("{}, then {}").format(weights, f"`{command} --weights FIRST --seed 2`")
        logs = say("{} and {}").format(logs, "`cycle2.log.jsonl`")
    return say("{}; log: {}").format(weights, logs) if recipe.logs else weights


def built() -> dict[str, NetText]:
    """Return folder -> network of all that ship."""
    return {folder: entry.build() for folder, entry in ENTRIES.items()}


def title_of(entry: Entry, say: Say) -> str:
    """Return a network's title; what is but a name is the same in all languages."""
    return say(entry.title) if ", " in entry.title else entry.title


def titled(entry: Entry, say: Say) -> str:
    """Return a network's title, which leads to the paper."""
    title = title_of(entry, say)
    paper = re.search(r"arXiv:([\d.]+)", entry.source)
    return f"[{title}](https://arxiv.org/abs/{paper[1]})" if paper else title


def index(nets: dict[str, NetText], say: Say, place: str) -> str:
    """Return the page that lists all networks.

    Parameters
    ----------
    nets : dict
        As `built` returns it.
    say : callable
    place : str
        Where a folder's name leads, with ``{}`` in its stead.
    """
    rows = "".join(
        f"| [`{folder}`]({place.format(folder)}) | {titled(ENTRIES[folder], say)} "
        f"| {'x'.join(map(str, net.shapes['data']))} "
        f"| {net.macs / 1e6:,.1f} M | {net.parameters / 1e6:,.2f} M | {ENTRIES[folder].accuracy.partition(' (')[0]} |\n"
        for folder, net in nets.items()
    )
    text = say(
        "Written by `tools/make_prototxt.py` from the papers that each folder's README names: change that program and "
        "run it, not these files. MACs are for one image and count padding as data; parameters include BatchNorm's "
        "statistics. Weights ship with the networks that have an accuracy here, that on the 10,000 test images."
    )
    head = header(say, "folder", "network", "input", "MACs", "parameters", "accuracy")
    return f"# {say('Networks')}\n\n{text}\n\n{head}{rows}"


def generate() -> dict[str, str]:
    """Return path below the project's folder -> content of every generated file."""
    nets = built()
    files = {}
    for page, (say, place) in LISTS.items():
        files[page] = index(nets, say, place)
    for folder, net in nets.items():
        place, entry = f"prototxt/{folder}", ENTRIES[folder]
        files[f"{place}/{entry.file}"] = net.text()
        for page, say in READMES.items():
            files[f"{place}/{page}"] = readme(folder, entry, net, say)
        if recipe := entry.recipe:
            files[f"{place}/{SOLVER}"] = solver(entry, recipe)
    return files


def main() -> None:
    """Write the files and print the list in English."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DOCS.parent, help="folder to write below (default: the project's)")
    out = parser.parse_args().out
    files = generate()
    for path, text in files.items():
        write_atomically(out / path, text.encode())
    print(files[next(iter(LISTS))], end="")


if __name__ == "__main__":
    main()
