"""A `Net` as a PyTorch module, and back with the weights that it then has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from xdn.errors import InputError, NetError, UnsupportedError, WeightsError, placed
from xdn.graph import Array, Layer, LayerParams, Net, ParamSpec, Shape
from xdn.graph.reading import SCALES, refuse_bf16
from xdn.graph.verify import verify
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.integer import has_integer_weights, integer_filters_of, with_integer_weights, with_scales
from xdn.layers.softmax import Softmax
from xdn.train.codes import Codes, learned_codes
from xdn.train.initial import fresh
from xdn.train.optimizer import ScaleSpec
from xdn.train.parameters import WeightKey, owners, parameter_name, weight_keys
from xdn.train.readings import Readings
from xdn.train.steps import Step, steps_for
from xdn.train.torch_layers.base import TORCH_LAYERS, Given, Mode, of_each_top
from xdn.train.torch_layers.fused import fused
from xdn.train.torch_layers.integers import Learned, as_scale, with_integer_values

#: The values of the only input, or of each by its name.
Inputs = Tensor | Mapping[str, Tensor]
INITIAL_SEED = 0
#: The one weight of a net that a module does not hold: its statistics are divided by it already.
SCALE_FACTOR = "scale_factor"
#: The weights of BatchNorm and BN that no gradient changes.
STATISTICS = ("mean", "variance")


def learned(layer: Layer) -> dict[str, Array]:
    """Return the layer's weights as the module holds them: a BatchNorm's sums divided by their scale_factor."""
    if not isinstance(layer.params, BatchNorm):
        return dict(layer.weights)
    divided = dict(zip(STATISTICS, layer.params.statistics(layer.weights), strict=True))
    return {name: divided.get(name, array) for name, array in layer.weights.items() if name != SCALE_FACTOR}


def _tensor(array: Array) -> Tensor:
    """Return a copy of `array`, filters with their channels last, as the activations are."""
    return _channels_last(torch.tensor(array, dtype=torch.float32))


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _tops(step: Step, given: Given, read: Sequence[Learned]) -> dict[str, Tensor]:
    """Return top -> value of a step, `read` being how its layer reads integers; an UnsupportedError names the layer."""
    layer = step.layers[0]
    with placed(layer.place, UnsupportedError):
        values = fused(layer, step.compute, given, read) if step.fused else step.compute(layer.params, given)
    return dict(zip(step.tops, of_each_top(values, len(step.tops)), strict=True))


def _scale_spec(layers: Iterable[Layer]) -> ScaleSpec:
    """Return how scales that these layers read by are trained: as fast as the slowest of their filters, not decayed."""
    rates = (layer.param_specs[0].lr_mult for layer in layers if layer.param_specs)
    return ScaleSpec(min(rates, default=1.0))


class NetModule(nn.Module):
    """A net in PyTorch; parameters are called ``layer:weight`` (`xdn.train.parameters.parameter_name`).

    Weights that layers share are one parameter, under the first layer's name; mean and variance of BatchNorm and BN
    are buffers. Train mode draws Dropout and normalises by the batch's statistics, but for layers that say
    `use_global_stats: true`, whose buffers then stay as they are bit for bit. A Scale after a BatchNorm that nothing
    else reads is computed with it.

    Layers that read 8-bit integers compute with them, and learn by what scales (`xdn.train.torch_layers.integers`): the
    scales of filters, also where weights alone are integers, and one for all readings that have one scale in the net
    (`xdn.train.readings`), are parameters.

    Of the weights of codebooks the centroids are parameters (`xdn.train.codes`).

    Parameters
    ----------
    net : Net
        Plain, or fused. One without any weights gets those of `fresh(net, INITIAL_SEED)`.

    Attributes
    ----------
    momentum : float
        A batch's share in the new running statistics.
    thaw : bool
        Whether train mode normalises by the batch where `use_global_stats: true` stands too, as it does in most
        files that are made for inference.
    bf16_bits : int
        Layers that read integers multiply in bf16 in train mode where their filters have up to so many bits.

    Raises
    ------
    UnsupportedError
        Where a layer has no form in PyTorch, or reads bf16; on computing, where a gradient is to pass one that gives
        none.
    WeightsError
        Where some layers lack weights, layers share an array but hold different values, or the weight of a codebook is
        not of its blocks.
    """

    def __init__(self, net: Net):
        super().__init__()
        refuse_bf16(net.layers, "training does not take")
        for layer in net.layers:
            if not layer.params.is_input and layer.type not in TORCH_LAYERS:
                raise UnsupportedError("training has no form of this layer", where=layer.place)
        if not any(layer.weights for layer in net.layers):
            net = fresh(net, INITIAL_SEED)
        net.require_weights()
        #: The layers whose weights are integers times scales, and are so again in the net that is made.
        self._integer = {layer.name for layer in net.layers if has_integer_weights(layer)}
        self.net = net = net.replace(layers=tuple(with_scales(layer) for layer in net.layers))
        self._readings = Readings(net)
        for name, scale in self._readings.scales.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(scale)))
        self.momentum, self.thaw, self.bf16_bits = 0.1, False, 0
        self._owners = owners(net)
        self._planned: dict[tuple[str, ...], tuple[Step, ...]] = {}
        #: Shapes of inputs that the net, and its weights, were found to take.
        self._taken: set[tuple[tuple[str, Shape], ...]] = set()
        #: Layer name -> (weight name, tensor's name, shape) of what the module holds of it.
        self._held: dict[str, list[tuple[str, str, Shape]]] = {}
        #: Tensor's name -> what makes a weight of it, where it holds centroids.
        self._codes: dict[str, Codes] = {}
        for layer in net.layers:
            self._hold(layer)
        self._logits = net.outputs[0]
        while isinstance(net.producers[self._logits].params, Softmax):
            (self._logits,) = net.producers[self._logits].bottoms

    def _hold(self, layer: Layer) -> None:
        """Register the layer's weights that no earlier layer shares."""
        values, held = learned(layer), self._held.setdefault(layer.name, [])
        for name in layer.weights:
            if name not in values:
                continue
            owner = self._owners[layer.name, name]
            registered = parameter_name(*owner)
            held.append((name, registered, values[name].shape))
            if owner != (layer.name, name):
                self._check_shared(layer, name, owner)
            elif name in STATISTICS:
                self.register_buffer(registered, _tensor(values[name]))
            elif layer.block and name == "weight":
                centroids, self._codes[registered] = learned_codes(layer)
                self.register_parameter(registered, nn.Parameter(centroids))
            else:
                self.register_parameter(registered, nn.Parameter(_tensor(values[name])))

    def _check_shared(self, layer: Layer, name: str, owner: WeightKey) -> None:
        """Raise WeightsError where the layer's array is not the one that it shares."""
        own, other = learned(layer)[name], learned(self.net.layer(owner[0]))[owner[1]]
        if not np.array_equal(own.ravel(), other.ravel(), equal_nan=True):
            what = f"{name} is shared with layer {owner[0]!r}, but has other values"
            mend = "Give both the same array, or no shared name in param"
            raise WeightsError(what, where=layer.place, mend=mend)

    def trained(self) -> Iterator[tuple[Tensor, ParamSpec]]:
        """Yield every parameter with how its layer trains it; of a shared one, the first layer."""
        named = dict(self.named_parameters())
        for layer, index, key in weight_keys(self.net):
            if (name := parameter_name(*key)) in named:
                spec = layer.param_specs[index] if index < len(layer.param_specs) else ParamSpec()
                yield named[name], _scale_spec([layer]) if key[1].endswith(SCALES) else spec
        for name in self._readings.scales:
            yield named[name], _scale_spec(self._readings.readers(name))

    def integer_filters(self) -> Iterator[tuple[LayerParams, nn.Parameter, nn.Parameter, int]]:
        """Yield parameters, weight, scales and bits of all filters that are integers; of shared ones, of each layer."""
        named = dict(self.named_parameters())
        for layer in self.net.layers:
            for prefix, params, read in integer_filters_of(layer):
                keys = (self._owners[layer.name, prefix + name] for name in ("weight", SCALES))
                weight, scales = (named[parameter_name(*key)] for key in keys)
                yield params, weight, scales, read.weight_bits

    def forward(self, x: Inputs) -> Tensor:
        """Return the logits of the net's first output: what its Softmax reads, if it has one.

        Parameters
        ----------
        x : (N, C, H, W), or input name -> tensor
            As many images as there are; the other extents are the net's.

        Returns
        -------
        (N, K) : an output (N, K, 1, 1) without its trailing axes
        """
        logits = self.run(x, (self._logits,))[self._logits]
        return logits.flatten(1) if logits.ndim > 2 and set(logits.shape[2:]) == {1} else logits

    def blobs(self, x: Inputs, names: Iterable[str]) -> dict[str, Tensor]:
        """Return name -> value of any blobs, under the names that they have in the net.

        Raises
        ------
        NetError
            Where the net has no such blob.
        """
        wanted = tuple(dict.fromkeys(names))
        for name in wanted:
            if name not in self.net.producers:
                raise NetError(f"the net {self.net.name!r} has no blob {name!r}")
        return self.run(x, wanted)

    def outputs(self, x: Inputs) -> dict[str, Tensor]:
        """Return name -> value of the net's outputs, Softmax applied."""
        return self.run(x, self.net.outputs)

    def _inputs(self, x: Inputs) -> dict[str, Tensor]:
        """Return the inputs by name, images with their channels last.

        Raises InputError where they do not fit the net, ShapeError or WeightsError where their batch does not.
        """
        known = self.net.inputs
        named = {next(iter(known)): x} if isinstance(x, Tensor) and len(known) == 1 else x
        if isinstance(named, Tensor) or set(named) != set(known):
            found = "one tensor" if isinstance(named, Tensor) else f"{', '.join(named)}"
            raise InputError(f"the net's inputs are {', '.join(known)}; found {found}")
        for name, tensor in named.items():
            if tuple(tensor.shape[1:]) != known[name].shape[1:]:
                what = f"input {name!r} has the shape {tuple(tensor.shape)}; the net's is {known[name].shape}"
                raise InputError(what, mend="Any batch fits; net.reshape gives a net of another size")
        shapes = tuple((name, tuple(tensor.shape)) for name, tensor in named.items())
        if shapes not in self._taken:
            # A Reshape may state the batch, or weights lie along it.
            verify(self.net.reshape(dict(shapes)))
            self._taken.add(shapes)
        return {name: _channels_last(tensor) for name, tensor in named.items()}

    def run(self, x: Inputs, wanted: tuple[str, ...], mode: Mode | None = None) -> dict[str, Tensor]:
        """Return name -> value of the blobs `wanted`, in the mode that `training` says, or in an explicit one."""
        mode = mode or Mode(self.training, self.training, self.thaw, self.momentum, self.bf16_bits * self.training)
        if wanted not in self._planned:
            self._planned[wanted] = steps_for(self.net, wanted)
        blobs = self._inputs(x)
        for step in self._planned[wanted]:
            weights: dict[str, Tensor] = {}
            for layer in step.layers:
                for name, registered, shape in self._held[layer.name]:
                    tensor = self._values(registered, getattr(self, registered))
                    weights[name] = tensor if tensor.shape == shape else tensor.reshape(shape)
            if step.layers[0].rounds_weights_only:
                weights = with_integer_values(step.layers[0], weights)
            bottoms = [blobs[name] for name in step.layers[0].bottoms]
            read = [Learned(how, getattr(self, name)) for name, how in self._readings.of(step.layers[0])]
            blobs.update(_tops(step, Given(bottoms, weights, mode, len(step.tops), step.overwrites), read))
            for name in step.last:
                del blobs[name]
        return {name: blobs[name] for name in wanted}

    def _values(self, name: str, tensor: Tensor) -> Tensor:
        """Return the weight that a tensor of the module is, or makes."""
        return _channels_last(self._codes[name].weight(tensor)) if name in self._codes else tensor

    def to_net(self) -> Net:
        """Return the net with the weights and scales that the module now has, f32; a BatchNorm's scale_factor is 1.

        Weights that were integers times scales are rounded to such; those of codebooks have centroids of f16.
        """
        current = dict(self.state_dict())
        found: dict[str, dict[str, Array]] = {}
        for layer, _, (_, name) in weight_keys(self.net):
            shape = layer.weights[name].shape
            owner = self._owners[layer.name, name]
            array = np.ones(shape, np.float32)
            if name != SCALE_FACTOR:
                tensor = self._values(parameter_name(*owner), current[parameter_name(*owner)]).detach()
                tensor = as_scale(tensor) if name.endswith(SCALES) else tensor
                array = np.array(tensor.cpu().float().numpy(), np.float32, order="C").reshape(shape)
            found.setdefault(layer.name, {})[name] = array
        scales = {name: float(as_scale(current[name])) for name in self._readings.scales}
        layers = (
            layer.replace(quantized=self._readings.learned(layer, scales))
            for layer in self.net.with_weights(found).layers
        )
        made = (with_integer_weights(layer) if layer.name in self._integer else layer for layer in layers)
        return self.net.replace(layers=tuple(made))
