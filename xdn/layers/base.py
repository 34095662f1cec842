"""How a layer type describes its Caffe message, and what several layer types share."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs, LayerParams
from xdn.registry import Registry

#: Every layer type that XDN can run, by Caffe's name.
LAYERS: Registry[type["CaffeLayer"]] = Registry("layer type", "xdn.layers")


@dataclass(frozen=True)
class Message:
    """Where a layer type's parameters stand in Caffe's schema (caffe.proto).

    Parameters
    ----------
    name : str
        The message, such as ``"ConvolutionParameter"``.
    field : str
        The field of LayerParameter that holds it, such as ``"convolution_param"``.
    number : int
        That field's number in LayerParameter.
    v1_number : int
        Its number in V1LayerParameter, 0 where the old format has none.
    """

    name: str
    field: str
    number: int
    v1_number: int = 0


@dataclass(frozen=True)
class Field:
    """One field of a Caffe message.

    Parameters
    ----------
    number : int
        Field number.
    type : str
        ``bool int32 uint32 int64 float double string``, ``enum``, or the name of another message.
    repeated : bool
        Whether the field may stand several times.
    values : mapping
        For an enum: value name -> number.
    default : object
        The value that an absent field has.
    """

    number: int
    type: str
    repeated: bool = False
    values: Mapping[str, int] | None = None
    default: Any = None

    def at(self, number: int) -> "Field":
        """Return the same field under another number."""
        return dataclasses.replace(self, number=number)


def proto(number: int, type: str, *, default: Any, repeated: bool = False, values: Any = None) -> Any:
    """Return a dataclass field that stands for a field of the Caffe message.

    A repeated field is a tuple; an enum is the name of its value; a nested message is a
    tuple of (field, value) pairs, a BlobShape one of its extents; what a layer does not need stands in `unused`.
    """
    return dataclasses.field(default=default, metadata={"proto": Field(number, type, repeated, values, default)})


#: Fields that only training or other backends need: accepted in a file, not kept.
ENGINE = Field(0, "enum", values={"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2})
FILLER = Field(0, "FillerParameter")


#: Numbers of messages in LayerParameter from here on are those of forks.
_FIRST_OF_FORKS = 200


class CaffeLayer(LayerParams):
    """Base of the layer types that can stand in a prototxt."""

    #: The message that holds the parameters; None for a type without parameters.
    message: ClassVar[Message | None] = None
    #: Fields of the message that inference does not need: accepted in a file, not kept.
    unused: ClassVar[Mapping[str, Field]] = {}
    #: Whether a file of the owner brought the type (`xdn.frontend.plugins`).
    from_plugin: ClassVar[bool] = False
    #: As `layer_type` was given them.
    aliases: ClassVar[tuple[str, ...]]
    v1_name: ClassVar[str]

    @classmethod
    def of_caffe(cls) -> bool:
        """Return whether Caffe itself has the type; a type that a fork brought may be another in the next fork."""
        return bool(cls.v1_name) or (cls.message is not None and cls.message.number < _FIRST_OF_FORKS)

    @classmethod
    def proto_fields(cls) -> dict[str, Field]:
        """Return name -> field of the kept fields of the message."""
        found = {f.name: f.metadata.get("proto") for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return {name: field for name, field in found.items() if field is not None}


@dataclass_transform(frozen_default=True, field_specifiers=(proto,))
def layer_type(name: str, *aliases: str, v1_name: str = "") -> Callable[[type[CaffeLayer]], type[CaffeLayer]]:
    """Return a decorator that makes a class a frozen dataclass and registers it as layer type `name`.

    Parameters
    ----------
    name : str
        Caffe's name.
    aliases : str
        Further spellings in a prototxt.
    v1_name : str
        The type's name in V1's enum (`layers { type: RELU }`); empty where V1 does not have it.
    """

    def enter(cls: type[CaffeLayer]) -> type[CaffeLayer]:
        """Make and register the class."""
        made = dataclass(frozen=True)(cls)
        made.type, made.aliases, made.v1_name = name, aliases, v1_name
        return LAYERS.register(name, *aliases)(made)

    return enter


#: Axes of blobs with a batch, channels and positions: lines (N, C, L), images (N, C, H, W), volumes (N, C, D, H, W).
POSITIONED = (3, 4, 5)
_AXES = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}


def blobs_of(arrays: Sequence[Any]) -> list[Blob]:
    """Return the shapes of arrays, or of tensors, as blobs, which shape rules take."""
    return [Blob(tuple(array.shape)) for array in arrays]


def misfit(bottoms: Blobs, takes: str) -> ShapeError:
    """Return the error for bottoms whose number or shapes are not what the layer takes."""
    return ShapeError(f"bottoms of shapes {[bottom.shape for bottom in bottoms]}; it takes {takes}")


def fillers(**numbers: int) -> dict[str, Field]:
    """Return name -> field for messages about how training fills a weight."""
    return {name: FILLER.at(number) for name, number in numbers.items()}


def one_bottom(bottoms: Blobs, *axes: int) -> Blob:
    """Return the only bottom; raise ShapeError for another count, or a number of axes that is not one of `axes`."""
    if len(bottoms) != 1:
        raise ShapeError(f"{len(bottoms)} bottoms; it takes exactly one")
    if axes and len(bottoms[0].shape) not in axes:
        taken = " or ".join(f"{count} axes {_AXES[count]}" for count in axes)
        raise ShapeError(f"a bottom of shape {bottoms[0].shape}; it takes {taken}")
    return bottoms[0]


class ShapeKeeper(CaffeLayer):
    """Base of the layers whose top has the shape of their only bottom."""

    #: An axis that the bottom must have.
    axis = 1

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape that has the axis, unchanged."""
        bottom = one_bottom(bottoms)
        bottom.axis(self.axis)
        return (Blob(bottom.shape),)
