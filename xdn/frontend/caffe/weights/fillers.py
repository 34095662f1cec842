"""First weights as a net's text asks for them: Caffe's fillers, for layers that a caffemodel has nothing for."""

from collections.abc import Callable, Mapping
from math import ceil, prod

import numpy as np

from xdn.errors import UnknownNameError, UnsupportedError
from xdn.frontend.caffe.text import Message
from xdn.graph import Array, Layer, Shape
from xdn.registry import Registry

Filler = Callable[[Message, np.random.Generator, Shape], Array]

#: Caffe's fillers by their names in a FillerParameter; the source of their formulas is Caffe's filler.hpp.
FILLERS: Registry[Filler] = Registry("filler")

#: Where no filler stands: what other weights than filters start from. Filters are He-normal, as `xdn-train` makes them.
_NEUTRAL = {"bias": 0.0, "shift": 0.0, "mean": 0.0, "variance": 1.0, "scale_factor": 1.0, "scale": 1.0, "slope": 0.25}
#: Last word of a weight's name -> fields of its layer's message that may hold its filler: the first that it has does.
_FIELDS = {
    "scale": ("scale_filler", "slope_filler", "filler", "BN_Scaler_Filler"),
    "shift": ("shift_filler", "bias_filler"),
    "bias": ("bias_filler", "filler", "BN_Bias_Filler"),
    "filter": ("Filter_Filler",),
    "slope": ("filler",),
}


def _fan(param: Message, shape: Shape) -> float:
    """Return how many weights each output has, each input, or the average of both, as `variance_norm` says."""
    count = prod(shape)
    fan_in = count / shape[0]
    fan_out = count / shape[1] if len(shape) > 1 else count
    # By the numbers of the enum: FAN_IN, FAN_OUT, AVERAGE.
    return (fan_in, fan_out, (fan_in + fan_out) / 2)[param.variance_norm]


@FILLERS.register("constant")
def _constant(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    return np.full(shape, param.value, np.float32)


@FILLERS.register("uniform")
def _uniform(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    low, high = param.min, param.max if param.HasField("max") else 1.0
    return np.asarray(low + (high - low) * rng.random(shape, np.float32), np.float32)


@FILLERS.register("gaussian")
def _gaussian(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    """Normal; `sparse`, divided by the number of outputs, is the part of the weights that are not zero."""
    std = param.std if param.HasField("std") else 1.0
    made = param.mean + std * rng.standard_normal(shape, np.float32)
    if param.HasField("sparse") and param.sparse >= 0:
        made *= rng.random(shape) < param.sparse / shape[0]
    return np.asarray(made, np.float32)


@FILLERS.register("positive_unitball")
def _positive_unitball(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform from 0 to 1, each filter divided by its sum."""
    made = rng.random(shape, np.float32)
    return np.asarray(made / made.sum(axis=tuple(range(1, made.ndim)), keepdims=True))


@FILLERS.register("xavier")
def _xavier(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    """Uniform, of variance 1 / fan (Glorot and Bengio 2010)."""
    bound = (3.0 / _fan(param, shape)) ** 0.5
    return rng.uniform(-bound, bound, shape).astype(np.float32)


@FILLERS.register("msra")
def _msra(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    """Normal, of variance 2 / fan (He et al. 2015)."""
    return rng.standard_normal(shape, np.float32) * np.float32((2.0 / _fan(param, shape)) ** 0.5)


@FILLERS.register("bilinear")
def _bilinear(param: Message, rng: np.random.Generator, shape: Shape) -> Array:
    """Weights of a bilinear interpolation, for a Deconvolution that enlarges images."""
    if len(shape) < 2:
        raise UnsupportedError(f"the filler 'bilinear' is for kernels of height and width, not for the shape {shape}")
    factor = ceil(shape[-1] / 2.0)
    centre = (shape[-1] - 1) / (2.0 * factor)
    side = [1 - np.abs(np.arange(size) / factor - centre) for size in shape[-2:]]
    return np.broadcast_to(np.outer(side[0], side[-1]), shape).astype(np.float32)


def _last_word(name: str) -> str:
    """Return what a weight is, whose name may say first of what it is: the bias of `input.bias`."""
    return name.rpartition(".")[2]


def _unstated(name: str, rng: np.random.Generator, layer: Layer, shape: Shape) -> Array:
    """Return what a weight starts from without a filler."""
    if (word := _last_word(name)) in _NEUTRAL:
        return np.full(shape, _NEUTRAL[word], np.float32)
    fan_in = max(1, prod(shape) // getattr(layer.params, "num_output", 1))
    return rng.standard_normal(shape, np.float32) * np.float32((2.0 / fan_in) ** 0.5)


def _filled(filler: Message, rng: np.random.Generator, shape: Shape) -> Array:
    made = FILLERS[filler.type or "constant"](filler, rng, shape or (1,))
    return made.reshape(shape)


def fill(layer: Layer, shapes: Mapping[str, Shape], said: Message | None, rng: np.random.Generator) -> dict[str, Array]:
    """Return first weights for `layer`, by the fillers that stand in its LayerParameter.

    Where none stands, filters are He-normal, biases and shifts 0, scales 1, slopes 0.25, as a training from scratch
    begins; statistics are those of values that are normalised already.

    Parameters
    ----------
    layer : Layer
    shapes : mapping
        Weight name -> shape, of the weights that are wanted.
    said : LayerParameter, optional
        What the file says of the layer.
    rng : Generator

    Raises
    ------
    UnsupportedError
        For a filler that Caffe does not have.
    """
    params = [] if said is None else [value for field, value in said.ListFields() if field.name.endswith("_param")]
    made = {}
    for name, shape in shapes.items():
        fields = (f"{_last_word(name)}_filler", *_FIELDS.get(_last_word(name), ()))
        field, holder = next(
            ((field, param) for field in fields for param in params if hasattr(param, field)), ("", None)
        )
        try:
            stated = holder is not None and holder.HasField(field)
            made[name] = _filled(getattr(holder, field), rng, shape) if stated else _unstated(name, rng, layer, shape)
        except UnknownNameError as error:
            where = f"{layer.place}: {field}"
            raise UnsupportedError(error.what, where=where, mend=error.mend) from None
    return made
