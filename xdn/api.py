"""The few calls that tie the stages of XDN together; what few of them need is imported when they do."""

import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xdn import frontend
from xdn.data import DATASETS, Dataset
from xdn.data.applied import Applied
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError, NetError, SettingError, placed
from xdn.frontend import Frontend, plugins
from xdn.frontend.caffe import Caffe
from xdn.frontend.caffe.images.image_shape import find_mean, mean_folders
from xdn.frontend.onnx import Onnx
from xdn.graph import Array, Net, Transform
from xdn.graph.summary import NetSummary
from xdn.layers import LAYERS
from xdn.layers.input import Input
from xdn.optimize import STAGES, apply_stages

if TYPE_CHECKING:
    from xdn.kernels.machine.model import Machine
    from xdn.optimize.prune.config import PruneConfig

log = logging.getLogger(__name__)

IMAGE_AXES = 4
#: What may be the first part of a file's name everywhere.
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: More channels than an image with transparency has are features of another net.
MOST_IMAGE_CHANNELS = 4


def load(prototxt: str | Path, weights: str | Path | None = None, **options: Any) -> Net:
    """Read a net from a file, such as a prototxt, and its weights from another, such as a caffemodel.

    Parameters
    ----------
    prototxt : path
        Its suffix says the format (`xdn.frontend.FRONTENDS`), which is Caffe's where that says nothing; a training net
        is made deployable.
    weights : path, optional
        Without it the net has no weights: enough to look at it, not to run it.
    options
        The fields of `xdn.frontend.Reading`: `phase`, `level`, `stages`, `random_weights`, `partial_weights`,
        `input_shape`, `seed`.

    Raises
    ------
    ParseError, NetError, WeightsError, UnsupportedError
        What is wrong, where, and how to mend it.
    """
    return frontend.load(Path(prototxt), None if weights is None else Path(weights), **options)


def load_layers(files: Iterable[str | Path]) -> None:
    """Run Python files that define layer types, and take these; see `xdn.frontend.plugins`.

    Raises
    ------
    SettingError
        For a file that fails, or brings no layer type.
    """
    for file in files:
        plugins.load_layers(Path(file))


def summary(prototxt: str | Path, **options: Any) -> NetSummary:
    """Return the layers, shapes and costs of the net in a prototxt, which may have layers of types that XDN lacks.

    Parameters
    ----------
    prototxt : path
    options
        As `load` takes them.

    Raises
    ------
    ParseError, NetError, UnsupportedError
        As `load`, but not for an unknown layer type (V0's types excepted).
    """
    return frontend.summary(Path(prototxt), **options)


def compared_with_labels(prototxt: str | Path) -> tuple[str, ...]:
    """Return the blobs that the file compares with labels as scores of classes: by Accuracy, or a loss."""
    return frontend.frontend_of(Path(prototxt)).compared_with_labels(Path(prototxt))


def with_transform(net: Net, **changes: Any) -> Net:
    """Return `net` with fields of its images' transform replaced.

    Parameters
    ----------
    net : Net
        With exactly one input of images (N, C, H, W).
    changes
        Fields of `xdn.graph.Transform`. A mean file and mean values exclude each other: each drops the other.
    """
    images = [
        layer.name for layer in net.input_layers for blob in net.top_blobs(layer) if len(blob.shape) == IMAGE_AXES
    ]
    if len(images) != 1:
        found = ", ".join(f"{name} {blob.shape}" for name, blob in net.inputs.items())
        raise NetError(f"a transform belongs to one input of images (N, C, H, W); the net's inputs: {found or 'none'}")
    if changes.get("mean_file"):
        changes = {"mean_value": ()} | changes
    elif changes.get("mean_value"):
        changes = {"mean_file": ""} | changes
    (layer,) = images
    return _with_transforms(net, {layer: replace(_input_params(net)[layer].transform, **changes)})


def pixel_transform(net: Net, image_shape: tuple[int, int, int], channel_order: str = "") -> PixelTransform:
    """Return what the net's own transform does to stored images (H, W, C) on their way into its only input.

    Raises
    ------
    DataError
        Where the images do not fit the net, or a mean file is not found.
    """
    transform, net_shape = _of_images(net)
    folders = mean_folders(net.folder)
    return PixelTransform.of(
        transform, image_shape, net_shape, folders, frontend.read_mean, channel_order=channel_order
    )


def applied_transform(net: Net, data: Dataset) -> Applied:
    """Return what is done to the images of `data` before `net` reads them, for results to state."""
    return Applied.of(image_transform(net), data)


def image_transform(net: Net) -> Transform:
    """Return what the net's own transform is; DataError where images are not all that it reads."""
    return _of_images(net)[0]


def image_channels(net: Net) -> int | None:
    """Return how many channels the images have that `net` reads, None where its inputs are not one of images."""
    shape = _image_shape(net)
    return shape and shape[0]


def image_input(net: Net) -> tuple[int, int, int] | None:
    """Return (C, H, W) of the images that a net reads, None where that is not all that it reads."""
    shape = _image_shape(net)
    return shape if shape and shape[0] <= MOST_IMAGE_CHANNELS else None


def _image_shape(net: Net) -> tuple[int, int, int] | None:
    """Return (C, H, W) of the net's only input, None where it has not one input of that form."""
    shapes = [blob.shape for blob in net.inputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != IMAGE_AXES:
        return None
    _, c, h, w = shapes[0]
    return c, h, w


def _of_images(net: Net) -> tuple[Transform, tuple[int, int, int]]:
    """Return the transform and the shape of the net's only input; raise DataError where it has not one of images."""
    shape = _image_shape(net)
    if shape is None:
        shapes = [blob.shape for blob in net.inputs.values()]
        what = f"images fill exactly one input (N, C, H, W); the net's inputs have the shapes {shapes}"
        raise DataError(what, mend="To time it, xdn-run --data random fills any inputs")
    return next(iter(_input_params(net).values())).transform, shape


def _input_params(net: Net) -> dict[str, Input]:
    """Return what the layers say that declare the net's inputs, by their names."""
    return {layer.name: layer.params for layer in net.input_layers if isinstance(layer.params, Input)}


def _with_transforms(net: Net, transforms: Mapping[str, Transform]) -> Net:
    """Return the net with the transforms of some inputs replaced, by the names of their layers."""
    inputs = _input_params(net)
    params = {layer: replace(own, transform=transforms.get(layer, own.transform)) for layer, own in inputs.items()}
    layers = (layer.replace(params=params.get(layer.name, layer.params)) for layer in net.layers)
    return net.replace(layers=tuple(layers))


@dataclass(frozen=True)
class Saved:
    """The files that `save` wrote.

    Parameters
    ----------
    files : tuple of Path
        The net's own, and those of its weights where they are others.
    means : tuple of Path
        The mean files that inputs of the net name, copied.
    """

    files: tuple[Path, ...]
    means: tuple[Path, ...]


def save(net: Net, folder: str | Path, stem: str | None = None, form: str = Caffe.title) -> Saved:
    """Write `net` into `folder`, as Caffe ``<stem>.prototxt`` and ``<stem>.caffemodel``, its mean files beside them.

    A mean file that is not to be found is named as before, with a warning: what is written needs it for images only.

    Parameters
    ----------
    net : Net
    folder : path
        Made where it is not there.
    stem : str, optional
        Default: the net's name where it can be a file's, else ``net``.
    form : str
        The format, by its title among `xdn.frontend.writers`.

    Raises
    ------
    ParseError
        A mean file that the net names holds no mean image.
    UnknownNameError
        There is no such format.
    UnsupportedError
        The format cannot say what some layers are; it names all of them, and nothing is written.
    WeightsError
        The net has no weights.
    """
    net.require_weights()
    writer, folder = frontend.writer_of(form), Path(folder)
    stem = (net.name if _FILE_NAME.fullmatch(net.name) else "net") if stem is None else stem
    means: dict[str, Path] = {}
    images: dict[Path, Array] = {}
    transforms: dict[str, Transform] = {}
    for layer, params in _input_params(net).items():
        name = params.transform.mean_file
        if name and name not in means:
            path = find_mean(name, mean_folders(net.folder))
            if path is None:
                log.warning("the mean file %r is not there; the written net names it, and needs it for images", name)
                continue
            number = str(len(means) + 1) if means else ""
            means[name] = folder / f"{stem}_mean{number}.binaryproto"
            # Read and written rather than copied: a net of unknown origin can name any file.
            images[means[name]] = frontend.read_mean(path)
        if name:
            transforms[layer] = replace(params.transform, mean_file=means[name].name)
    files = writer.write(_stored(_with_transforms(net, transforms), writer), folder, stem)
    for path, mean in images.items():
        frontend.write_binaryproto(path, mean)
    return Saved(files, tuple(means.values()))


def _stored(net: Net, writer: Frontend) -> Net:
    """Return the net with blobs stored in 8 bits where layers read them so, if files of the format say that."""
    return apply_stages(net, ("quantized-storage",)) if writer.says_storage else net


def save_onnx(net: Net, path: str | Path) -> tuple[Path, ...]:
    """Write `net` as ONNX; see `xdn.frontend.onnx.writer.save_onnx`. Mean files are named, not copied, as by `save`.

    What layers read as 8-bit integers is stored so wherever that is possible, as sessions do: engines then find
    integers before and after what only hands values on.

    Parameters
    ----------
    net : Net
        With weights.
    path : path

    Raises
    ------
    UnsupportedError, WeightsError
        Layers have no ONNX form, or no weights.
    """
    from xdn.frontend.onnx.writer import save_onnx as write

    return write(_stored(net, Onnx()), Path(path))


def read_prune_config(path: str | Path) -> "PruneConfig":
    """Return what the prototxt at `path`, a PruneParameter, wants pruned.

    Raises
    ------
    ParseError, SettingError
        What is wrong in the file, and where.
    """
    from xdn.optimize.prune.config import Budget, PruneConfig, Rule

    fields = frontend.read_prune_file(Path(path))
    if "budget" not in fields:
        raise SettingError("no budget", where=str(path), mend=f"Say budget: with one of {Budget.forms}")
    groups = fields.pop("group", [])
    if any("layer" not in group for group in groups):
        raise SettingError("a group names no layer", where=str(path), mend="Say layer: with a name or a pattern")
    with placed(str(path), SettingError):
        rules = tuple(Rule(**group) for group in groups)
        return PruneConfig(Budget.parse(fields.pop("budget")), rules=rules, **fields)


def prune_config_text(config: "PruneConfig") -> str:
    """Return the text of a file from which `read_prune_config` reads `config` again."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config) if field.name != "rules"}
    rules = [dataclasses.asdict(rule) for rule in config.rules]
    return frontend.prune_text(fields | {"budget": str(config.budget), "group": rules})


def machine(again: bool = False) -> "Machine":
    """Return what this machine gives (`xdn.kernels.machine.model.Machine`), measured once and kept; `again`: anew."""
    from xdn.runtime.machine import measured_machine, this_machine

    return measured_machine() if again else this_machine()


def registries() -> dict[str, list[tuple[str, str]]]:
    """Return, for each kind of thing that can be added as one file, the names and what they are."""
    from xdn.evaluate.engines import ENGINES
    from xdn.optimize.prune.criterion import CRITERIA
    from xdn.optimize.prune.schedule import SCHEDULES
    from xdn.optimize.quantize.observer import OBSERVERS
    from xdn.runtime.backend import BACKENDS
    from xdn.tune.search import SEARCHES

    found = (frontend.FRONTENDS, LAYERS, STAGES, CRITERIA, SCHEDULES, OBSERVERS, DATASETS, BACKENDS, SEARCHES, ENGINES)
    return {registry.kind: registry.describe() for registry in found}


def check_mean(net: Net, name: str) -> None:
    """Raise DataError where the mean file `name` is neither beside the prototxt of `net` nor here."""
    if find_mean(name, mean_folders(net.folder)) is None:
        raise DataError(f"the mean file {name!r} is not there", mend="Say where it is with --mean-file")
