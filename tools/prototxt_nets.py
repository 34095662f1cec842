"""The architectures of `prototxt/`, one function each, from the papers that their READMEs name."""

from collections.abc import Callable

from prototxt_text import Fields, Kernel, NetText, quoted

#: What is done to the images of the trained pairs.
TRAINED_TRANSFORM = {"scale": 0.015625, "mean_value": [125.3, 123.0, 113.9]}


def _trained_input(source: str) -> Fields:
    """Return what the Input layer of a pair says that is trained on the data set `source`; nothing for none."""
    return {"transform_param": TRAINED_TRANSFORM, "data_param": {"source": quoted(source)}} if source else {}


def cifar_resnet(depth: int, trained_on: str = "") -> NetText:
    """Build a CIFAR ResNet of 6n + 2 layers: three stages of n blocks with 16, 32, 64 channels."""
    net = NetText(f"ResNet-{depth}", (3, 32, 32), _trained_input(trained_on))
    x = net.conv_bn_relu("conv1", "data", 16, Kernel(3))
    for stage, channels in enumerate((16, 32, 64), start=1):
        for block in range(1, (depth - 2) // 6 + 1):
            name, stride = f"s{stage}b{block}", 2 if stage > 1 and block == 1 else 1
            y = net.conv_bn_relu(f"{name}/conv1", x, channels, Kernel(3, stride))
            y = net.conv_bn(f"{name}/conv2", y, channels, Kernel(3))
            shortcut = net.conv_bn(f"{name}/proj", x, channels, Kernel(1, stride)) if stride > 1 else x
            x = net.relu(f"{name}/relu", net.sum(f"{name}/sum", [shortcut, y]))
    net.softmax("prob", net.fc("fc", net.global_pool("pool", x), 10))
    return net


def resnet50(name: str, size: int, classes: int) -> NetText:
    """Build ResNet-50 for images of `size` x `size`."""
    net = NetText(name, (3, size, size))
    x = net.conv_bn_relu("conv1", "data", 64, Kernel(7, 2))
    x = net.pool("pool1", x, "MAX", Kernel(3, 2, pad=0))
    for stage, (blocks, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], start=1):
        for block in range(1, blocks + 1):
            prefix, stride = f"s{stage}b{block}", 2 if stage > 1 and block == 1 else 1
            y = net.conv_bn_relu(f"{prefix}/conv1", x, width, Kernel(1, stride))
            y = net.conv_bn_relu(f"{prefix}/conv2", y, width, Kernel(3))
            y = net.conv_bn(f"{prefix}/conv3", y, 4 * width, Kernel(1))
            shortcut = net.conv_bn(f"{prefix}/proj", x, 4 * width, Kernel(1, stride)) if block == 1 else x
            x = net.relu(f"{prefix}/relu", net.sum(f"{prefix}/sum", [shortcut, y]))
    net.softmax("prob", net.fc("fc", net.global_pool("pool", x), classes))
    return net


#: Inception modules: filters of 1x1; 3x3 reduction, 3x3; 5x5 reduction, 5x5; projection after pooling.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def _inceptions(net: NetText, x: str, conv: Callable[[str, str, int, Kernel], str]) -> str:
    """Append all inception modules, whose convolutions `conv` appends, and the pools between them."""
    for name, (n1, r3, n3, r5, n5, proj) in INCEPTIONS.items():
        if name in ("4a", "5a"):
            x = net.pool(f"pool{int(name[0]) - 1}", x, "MAX", Kernel(3, 2, pad=0))
        module = f"inception{name}"
        branches = [
            conv(f"{module}/1x1", x, n1, Kernel(1)),
            conv(f"{module}/3x3", conv(f"{module}/3x3_reduce", x, r3, Kernel(1)), n3, Kernel(3)),
            conv(f"{module}/5x5", conv(f"{module}/5x5_reduce", x, r5, Kernel(1)), n5, Kernel(5)),
            conv(f"{module}/proj", net.pool(f"{module}/pool", x, "MAX", Kernel(3)), proj, Kernel(1)),
        ]
        x = net.concat(module, branches)
    return x


def googlenet() -> NetText:
    """Build GoogLeNet (Inception v1)."""
    net = NetText("GoogLeNet", (3, 224, 224))
    down = Kernel(3, 2, pad=0)
    x = net.pool("pool1", net.conv_relu("conv1", "data", 64, Kernel(7, 2)), "MAX", down)
    x = net.conv_relu("conv2/reduce", net.lrn("norm1", x), 64, Kernel(1))
    x = net.lrn("norm2", net.conv_relu("conv2", x, 192, Kernel(3)))
    x = _inceptions(net, net.pool("pool2", x, "MAX", down), net.conv_relu)
    x = net.dropout("drop", net.pool("pool5", x, "AVE", Kernel(7, pad=0)), 0.4)
    net.softmax("prob", net.fc("fc", x, 1000))
    return net


def googlenet_32() -> NetText:
    """Build GoogLeNet for 32x32: the first filters 3x3 of stride 1, no second pool, BatchNorm everywhere."""
    net = NetText("GoogLeNet-32", (3, 32, 32))
    x = net.pool("pool1", net.conv_bn_relu("conv1", "data", 64, Kernel(3)), "MAX", Kernel(3, 2, pad=0))
    x = net.conv_bn_relu("conv2", net.conv_bn_relu("conv2/reduce", x, 64, Kernel(1)), 192, Kernel(3))
    x = net.global_pool("pool5", _inceptions(net, x, net.conv_bn_relu))
    net.softmax("prob", net.fc("fc", x, 10))
    return net


def squeezenet() -> NetText:
    """Build SqueezeNet 1.1."""
    net = NetText("SqueezeNet-1.1", (3, 227, 227))
    down = Kernel(3, 2, pad=0)
    x = net.pool("pool1", net.conv_relu("conv1", "data", 64, down), "MAX", down)
    for number, width in enumerate((16, 16, 32, 32, 48, 48, 64, 64), start=2):
        if number in (4, 6):
            x = net.pool(f"pool{number - 1}", x, "MAX", down)
        squeezed = net.conv_relu(f"fire{number}/squeeze", x, width, Kernel(1))
        expanded = [net.conv_relu(f"fire{number}/expand{k}x{k}", squeezed, 4 * width, Kernel(k)) for k in (1, 3)]
        x = net.concat(f"fire{number}", expanded)
    x = net.conv_relu("conv10", net.dropout("drop9", x, 0.5), 1000, Kernel(1))
    net.softmax("prob", net.global_pool("pool10", x))
    return net


def mobilenet_v1() -> NetText:
    """Build MobileNet v1, width 1."""
    net = NetText("MobileNet-v1", (3, 224, 224))
    x, c = net.conv_bn_relu("conv1", "data", 32, Kernel(3, 2)), 32
    plan = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for number, (channels, stride) in enumerate(plan, start=2):
        x = net.conv_bn_relu(f"conv{number}/dw", x, c, Kernel(3, stride, group=c))
        x, c = net.conv_bn_relu(f"conv{number}/pw", x, channels, Kernel(1)), channels
    net.softmax("prob", net.fc("fc", net.global_pool("pool", x), 1000))
    return net


def mobilenet_v2() -> NetText:
    """Build MobileNet v2, width 1; its rows are (expansion, channels, blocks, stride of the first)."""
    net = NetText("MobileNet-v2", (3, 224, 224))
    x, c = net.conv_bn_relu("conv1", "data", 32, Kernel(3, 2)), 32
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for stage, (expansion, channels, blocks, first_stride) in enumerate(rows, start=1):
        for block in range(1, blocks + 1):
            name, stride, wide = f"s{stage}b{block}", first_stride if block == 1 else 1, expansion * c
            y = net.conv_bn_relu(f"{name}/expand", x, wide, Kernel(1)) if expansion > 1 else x
            y = net.conv_bn_relu(f"{name}/dw", y, wide, Kernel(3, stride, group=wide))
            y = net.conv_bn(f"{name}/project", y, channels, Kernel(1))
            x = net.sum(f"{name}/sum", [x, y]) if stride == 1 and c == channels else y
            c = channels
    x = net.conv_bn_relu("conv_last", x, 1280, Kernel(1))
    net.softmax("prob", net.fc("fc", net.global_pool("pool", x), 1000))
    return net


#: Blocks of MobileNet v3: size of the filters, channels within, channels of the result, whether channels are excited,
#: activation, stride.
_RE, _HS = "ReLU", "HSwish"
Blocks = list[tuple[int, int, int, bool, str, int]]
MOBILENET_V3_LARGE: Blocks = [
    (3, 16, 16, False, _RE, 1),
    (3, 64, 24, False, _RE, 2),
    (3, 72, 24, False, _RE, 1),
    (5, 72, 40, True, _RE, 2),
    (5, 120, 40, True, _RE, 1),
    (5, 120, 40, True, _RE, 1),
    (3, 240, 80, False, _HS, 2),
    (3, 200, 80, False, _HS, 1),
    (3, 184, 80, False, _HS, 1),
    (3, 184, 80, False, _HS, 1),
    (3, 480, 112, True, _HS, 1),
    (3, 672, 112, True, _HS, 1),
    (5, 672, 160, True, _HS, 2),
    (5, 960, 160, True, _HS, 1),
    (5, 960, 160, True, _HS, 1),
]
MOBILENET_V3_SMALL: Blocks = [
    (3, 16, 16, True, _RE, 2),
    (3, 72, 24, False, _RE, 2),
    (3, 88, 24, False, _RE, 1),
    (5, 96, 40, True, _HS, 2),
    (5, 240, 40, True, _HS, 1),
    (5, 240, 40, True, _HS, 1),
    (5, 120, 48, True, _HS, 1),
    (5, 144, 48, True, _HS, 1),
    (5, 288, 96, True, _HS, 2),
    (5, 576, 96, True, _HS, 1),
    (5, 576, 96, True, _HS, 1),
]


def _by_eights(channels: float) -> int:
    """Return a number of channels as a multiple of 8, not below nine tenths of what is asked for."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found


def mobilenet_v3(name: str, blocks: Blocks, last: int) -> NetText:
    """Build MobileNet v3, width 1, with `last` values before the classes."""
    return _mobilenet_v3(NetText(name, (3, 224, 224)), 2, blocks, last, 1000)


def mobilenet_v3_cifar(trained_on: str) -> NetText:
    """Build the small MobileNet v3 for 32x32: three quarters of its channels, its first and third stride 1."""
    blocks = [
        (size, _by_eights(0.75 * wide), _by_eights(0.75 * channels), excited, activation, 1 if number == 2 else stride)
        for number, (size, wide, channels, excited, activation, stride) in enumerate(MOBILENET_V3_SMALL, start=1)
    ]
    net = NetText("MobileNet-v3-small-0.75", (3, 32, 32), _trained_input(trained_on))
    return _mobilenet_v3(net, 1, blocks, 256, 10)


def _mobilenet_v3(net: NetText, first_stride: int, blocks: Blocks, last: int, classes: int) -> NetText:
    """Append MobileNet v3 to the input of `net`."""

    def conv(name: str, bottom: str, channels: int, kernel: Kernel, activation: str) -> str:
        """Append convolution, BatchNorm, Scale and an activation."""
        return net.activation(f"{name}/act", activation, net.conv_bn(name, bottom, channels, kernel))

    x, c = conv("conv1", "data", 16, Kernel(3, first_stride), _HS), 16
    for number, (size, wide, channels, excited, activation, stride) in enumerate(blocks, start=1):
        block = f"b{number}"
        y = conv(f"{block}/expand", x, wide, Kernel(1), activation) if wide != c else x
        y = net.conv_bn(f"{block}/dw", y, wide, Kernel(size, stride, group=wide))
        y = net.activation(f"{block}/dw/act", activation, y)
        y = net.excite(f"{block}/se", y, _by_eights(wide / 4)) if excited else y
        y = net.conv_bn(f"{block}/project", y, channels, Kernel(1))
        x = net.sum(f"{block}/sum", [x, y]) if stride == 1 and c == channels else y
        c = channels
    x = net.global_pool("pool", conv("conv_last", x, 6 * c, Kernel(1), _HS))
    x = net.dropout("drop", net.activation("fc1/act", _HS, net.fc("fc1", x, last)), 0.2)
    net.softmax("prob", net.fc("fc2", x, classes))
    return net


def vgg16() -> NetText:
    """Build VGG-16 (configuration D)."""
    net, x = NetText("VGG-16", (3, 224, 224)), "data"
    for stage, (count, channels) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], start=1):
        for number in range(1, count + 1):
            x = net.conv_relu(f"conv{stage}_{number}", x, channels, Kernel(3))
        x = net.pool(f"pool{stage}", x, "MAX", Kernel(2, 2, pad=0))
    for name in ("fc6", "fc7"):
        x = net.dropout(f"{name}/drop", net.relu(f"{name}/relu", net.fc(name, x, 4096)), 0.5)
    net.softmax("prob", net.fc("fc8", x, 1000))
    return net


def densenet121() -> NetText:
    """Build DenseNet-121: growth 32, bottlenecks, transitions that halve the channels."""
    net = NetText("DenseNet-121", (3, 224, 224))
    x = net.conv_bn_relu("conv1", "data", 64, Kernel(7, 2))
    x = net.pool("pool1", x, "MAX", Kernel(3, 2, pad=0))

    def normed(name: str, bottom: str) -> str:
        """Append BatchNorm, Scale, ReLU beside `bottom`, which others still read."""
        return net.relu(f"{name}/relu", net.bn(name, bottom, top=f"{name}/bn"))

    for block, layers in enumerate((6, 12, 24, 16), start=1):
        for number in range(1, layers + 1):
            name = f"b{block}l{number}"
            y = net.conv(f"{name}/conv1", normed(f"{name}/pre1", x), 128, Kernel(1), bias=False)
            y = net.conv(f"{name}/conv2", normed(f"{name}/pre2", y), 32, Kernel(3), bias=False)
            x = net.concat(name, [x, y])
        if block < 4:
            name = f"transition{block}"
            half = net.shapes[x][0] // 2
            x = net.conv(f"{name}/conv", normed(f"{name}/pre", x), half, Kernel(1), bias=False)
            x = net.pool(f"{name}/pool", x, "AVE", Kernel(2, 2, pad=0))
    net.softmax("prob", net.fc("fc", net.global_pool("pool", normed("last", x)), 1000))
    return net


def lenet() -> NetText:
    """Build LeNet in the form of Caffe's MNIST example."""
    net = NetText("LeNet", (1, 28, 28))
    half = Kernel(2, 2, pad=0)
    x = net.pool("pool1", net.conv("conv1", "data", 20, Kernel(5, pad=0)), "MAX", half)
    x = net.pool("pool2", net.conv("conv2", x, 50, Kernel(5, pad=0)), "MAX", half)
    x = net.relu("fc1/relu", net.fc("fc1", x, 500))
    net.softmax("prob", net.fc("fc2", x, 10))
    return net
