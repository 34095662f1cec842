"""The formats that nets come in, and go out in: a `Frontend` each, found by the suffix of a net's file, or by name."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from xdn.errors import SettingError, UnknownNameError, UnsupportedError, WeightsError, told
from xdn.files import is_file
from xdn.frontend.weights import RANDOM_SEED, random_weights
from xdn.graph import Net
from xdn.graph.summary import NetSummary, summarize
from xdn.registry import Registry, known_names

#: The shape of one image or of one row of features, without the batch: (C, H, W), of films (C, D, H, W).
ImageShape = tuple[int, ...]

#: What a caller says of the inputs' shapes, without the batch: that of the only one, or of some by their names.
InputShapes = ImageShape | Mapping[str, ImageShape]


def said_shape(shapes: InputShapes | None, name: str, alone: bool) -> ImageShape | None:
    """Return the shape that a caller says of the input `name`, which may stand `alone`; None where nothing is said."""
    if isinstance(shapes, Mapping):
        return shapes.get(name)
    return shapes if alone else None


@dataclass(frozen=True)
class Reading:
    """What a caller says of how a net is read; each format knows some of it (`Frontend.options`).

    Parameters
    ----------
    phase, level, stages
        Which layers of a training net take part: the state that Caffe's include and exclude rules are asked about.
    input_shape : tuple of int, or mapping, optional
        Shape of the only input without the batch, such as (C, H, W) of images, in place of what the file says; or
        input name -> shape, of some inputs.
    partial_weights : bool
        Take the weights that fit: layers for which the file has none are filled by their fillers, layers that the net
        does not have are left out, however many; a warning names both.
    random_weights : bool
        Fill seeded random weights, in place of any that a file has.
    seed : int
        Of random weights and of fillers.
    """

    phase: str = "TEST"
    level: int = 0
    stages: Sequence[str] = ()
    input_shape: InputShapes | None = None
    partial_weights: bool = False
    random_weights: bool = False
    seed: int = RANDOM_SEED


#: What is meant where a caller says nothing.
AS_IT_STANDS = Reading()


class Frontend(ABC):
    """Reads nets of one format; the first line of its docstring is what listings say of it."""

    #: The fields of `Reading` that say something here; another is refused. Random weights and their seed always do.
    options: ClassVar[tuple[str, ...]] = ()
    #: What a format that is written, too, is called where one is chosen; empty for one that is only read.
    title: ClassVar[str] = ""
    #: The suffixes of the files that are written, the net's own first.
    suffixes: ClassVar[tuple[str, ...]] = ()
    #: Whether files say in how many bits blobs are stored; otherwise sessions find that out.
    says_storage: ClassVar[bool] = False

    @abstractmethod
    def read(self, path: Path, weights: Path | None, reading: Reading) -> Net:
        """Return the net in the file `path`, with the weights in the file `weights`, or in the net's own.

        Without any it has no weights, which is enough to look at it.
        """

    def write(self, net: Net, folder: Path, stem: str) -> tuple[Path, ...]:
        """Write `net`, with its weights, into `folder` under the name `stem`; return the files, the net's own first.

        Raises
        ------
        UnsupportedError
            Where the format cannot say what some layers are; it names all of them, and nothing is written.
        """
        raise UnsupportedError(f"nets are not written as {type(self).__name__}")

    def summary(self, path: Path, reading: Reading) -> NetSummary:
        """Return the summary of the net in the file `path`; a format may know one of nets that cannot be run."""
        return summarize(self.read(path, None, reading))

    def find_weights(self, path: Path) -> Path | None:
        """Return the file of weights that belongs to the net `path`, None where the net's file holds them.

        Raises
        ------
        WeightsError
            Where it should have one that is not there, or where several might be meant.
        """
        return None

    def compared_with_labels(self, path: Path) -> tuple[str, ...]:
        """Return the blobs that the file `path` compares with labels as scores of classes."""
        return ()

    def declared_batch(self, path: Path, phase: str) -> int:
        """Return how many images a batch has by the file `path` in `phase`, 0 where it does not say."""
        return 0


#: Every format that is read, by suffix. A module or a package in `xdn/frontend` enters its own; libraries that only its
#: format needs it imports where it reads, since all frontends are imported to find one.
FRONTENDS: Registry[type[Frontend]] = Registry("format of nets", "xdn.frontend", deep=False)

#: What reads a file whose suffix says nothing: Caffe's texts go by any name.
_BY_DEFAULT = ".prototxt"
#: Suffixes of nets that other programs write; a frontend that has one of them comes first.
_FOREIGN = {
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".keras": "Keras",
    ".mlmodel": "Core ML",
    ".pb": "TensorFlow",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".safetensors": "safetensors",
    ".tflite": "TensorFlow Lite",
}


def _is_text(path: Path) -> bool:
    """Return whether the file `path` begins as a text, also where it is not there: whoever reads it tells that."""
    if not is_file(path):
        return True
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


def frontend_of(path: Path) -> Frontend:
    """Return what reads the net in the file `path`: by its suffix, and Caffe's where that says nothing.

    Raises
    ------
    UnsupportedError
        For a format that is known, but not read.
    """
    suffix = path.suffix.lower()
    if suffix in FRONTENDS:
        return FRONTENDS[suffix]()
    # py-faster-rcnn calls its prototxts .pt, too.
    if suffix in _FOREIGN and not (suffix == ".pt" and _is_text(path)):
        what = f"the suffix {path.suffix} is that of {_FOREIGN[suffix]}, whose nets are not read"
        mend = "Give the net as a .prototxt, with its weights as a .caffemodel (--weights), or as .onnx"
        raise UnsupportedError(f"{what}; nets that are read end in {', '.join(FRONTENDS)}", where=str(path), mend=mend)
    return FRONTENDS[_BY_DEFAULT]()


def writers() -> dict[str, type[Frontend]]:
    """Return title -> format of those that nets are written in."""
    return {each.title: each for _, each in FRONTENDS.items() if each.title}


def writer_of(title: str) -> Frontend:
    """Return what writes the format of a title; UnknownNameError for one that is not written."""
    known = writers()
    if title not in known:
        raise UnknownNameError(f"nets are not written as {title!r}", mend=known_names(title, sorted(known)))
    return known[title]()


def unsaid(layers: Sequence[str], how: str) -> UnsupportedError:
    """Return the error that a format, called `how`, cannot say what these layers are; each is named with its reason."""
    return UnsupportedError(f"{len(layers)} of the net's layers have no form in {how}:{told(layers)}")


def _understood(frontend: Frontend, path: Path, reading: Reading) -> Reading:
    """Return `reading`; raise SettingError where it says something that nets of this format do not know."""
    known = {*frontend.options, "random_weights", "seed"}
    for field in fields(reading):
        if field.name not in known and getattr(reading, field.name) != field.default:
            said = field.name.replace("_", " ")
            raise SettingError(f"nets of this format do not know {said}", where=str(path), mend="Leave it out")
    return reading


def load(path: Path, weights: Path | None = None, **options: Any) -> Net:
    """Read the net in the file `path`, and its weights where a file of them is named.

    Training nets are made deployable: one phase's layers, data layers turned to inputs, losses dropped.

    Parameters
    ----------
    path : Path
        Its suffix says the format (`FRONTENDS`).
    weights : Path, optional
        Without it the net has those that its own file holds, or none, which is enough to look at it.
    options
        The fields of `Reading`.

    Raises
    ------
    ParseError
        With file:line:column, or file and byte offset.
    UnsupportedError
        For a format or a layer type that XDN does not have.
    NetError, ShapeError
        Where the graph is wrong, or nothing tells the input's shape.
    WeightsError
        Where the weights do not belong to the net.
    SettingError
        For an option that nets of this format do not know.
    """
    path, reading = Path(path), Reading(**options)
    if weights is not None and reading.random_weights:
        raise WeightsError("both weights and random weights are asked for", mend="Ask for one of them")
    frontend = frontend_of(path)
    net = frontend.read(path, weights and Path(weights), _understood(frontend, path, reading))
    return random_weights(net, reading.seed) if reading.random_weights else net


def summary(path: Path, **options: Any) -> NetSummary:
    """Return the summary of the net in the file `path`, which may have layers of types that XDN lacks.

    Parameters and errors are those of `load`, but an unknown type is not an error (unless it is one of V0's, which are
    few). The net itself is not given away: with unknown layers it cannot be run, optimized or written.
    """
    frontend = frontend_of(path)
    return frontend.summary(path, _understood(frontend, path, Reading(**options)))


def find_weights(path: Path) -> Path | None:
    """Return the file of weights that belongs to the net `path`; see `Frontend.find_weights`."""
    return frontend_of(path).find_weights(path)
