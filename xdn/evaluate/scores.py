"""Which output of a net holds the scores of classes, and how: by what defines it, not by how many numbers it has.

In this order counts

- the blob that the user names;
- one that the file compares with labels: Accuracy's bottom, or that of a loss over classes;
- one that by its type's definition is a distribution over classes (Softmax), names one (ArgMax), or says yes or no
  (Sigmoid) of data with two classes;
- one number for each class of the data, however they were computed: nets often end in plain scores.

Of several equals it is the last, the deepest, as in GoogLeNet. Every image must have its own: boxes of a detector,
scores for each position of a map, or one number that may mean anything are not classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from math import prod

import numpy as np

from xdn.data import Dataset
from xdn.errors import DataError, NetError, SettingError, UnsupportedError
from xdn.evaluate.accuracy import INVALID, predicted
from xdn.graph import Array, Layer, Net

#: Batches in which a blob that has an entry for each image is told.
_PROBES = (2, 3)


class Form(Enum):
    """How the values of a blob tell classes."""

    #: (N, K), further axes of extent 1: a score for each class.
    VECTOR = "vector"
    #: (N, K, H, W): a score for each class at each position, whose mean counts.
    MAP = "map"
    #: (N, 1): the probability of the second of two classes.
    PAIR = "pair"
    #: (N, 1): the number of the class.
    NUMBER = "number"


@dataclass(frozen=True)
class Scores:
    """A blob that tells the class of each image.

    Parameters
    ----------
    blob : str
    classes : int
        How many it knows.
    form : Form
    """

    blob: str
    classes: int
    form: Form = Form.VECTOR

    def read(self, values: Array) -> tuple[Array, Array]:
        """Return (N,) int32 classes, as `predicted` gives them, and (N, K) scores; of a number itself (N, 1)."""
        if self.form is Form.VECTOR:
            return predicted(values), values
        table = values.reshape(len(values), -1)
        if self.form is Form.NUMBER:
            known = np.isfinite(table[:, 0])
            return np.where(known, np.nan_to_num(table[:, 0]), INVALID).astype(np.int32), table
        if self.form is Form.MAP:
            table = values.reshape(len(values), self.classes, -1).mean(axis=2)
        else:
            table = np.concatenate([1 - table, table], axis=1)
        return predicted(table), table


class _Rank(IntEnum):
    """How surely an output holds scores."""

    PLAIN = 0
    DEFINED = 1
    COMPARED = 2


def first_output(net: Net) -> Scores:
    """Return the scores of a net that is known to be a classifier: its first output."""
    return Scores(net.outputs[0], net.blobs[net.outputs[0]].image_size)


def find_scores(
    net: Net, data: Dataset, compared: Sequence[str] = (), named: str | None = None, force: bool = False
) -> tuple[Scores | None, str]:
    """Return where a net tells the classes of the data, None where it does not; and what is to be said of it.

    Parameters
    ----------
    net : Net
    data : Dataset
    compared : sequence of str
        Blobs that the net's file compares with labels.
    named : str, optional
        The blob that the user names.
    force : bool
        Take scores for fewer classes than the data has.

    Raises
    ------
    SettingError
        Where the named blob tells no classes.
    DataError
        Where the net tells fewer classes than the data has.
    """
    classes = len(data.classes)
    if named is not None:
        best = [_named(net, named, classes)]
    else:
        ranked = [pair for blob in net.outputs if (pair := _ranked(net, blob, data, compared)) is not None]
        if not ranked:
            return None, _refusal(net, classes)
        best = [scores for rank, scores in ranked if rank == max(ranked, key=lambda pair: pair[0])[0]]
    # Another classifier of the same net may know other classes.
    scores = ([each for each in best if each.classes == classes] or best)[-1]
    if scores.classes < classes and not force:
        what = f"the output {scores.blob!r} has {scores.classes} scores, {data.title} has {classes} classes"
        raise DataError(what, mend="To run it nevertheless, say --force")
    others = ", ".join(repr(each.blob) for each in best if each is not scores)
    return scores, f"by {scores.blob!r}; other classifiers: {others}" if others else ""


def _named(net: Net, blob: str, classes: int) -> Scores:
    """Return the scores in the blob that the user names, the mean over positions where it has any."""
    if blob not in net.blobs:
        mend = f"The net's outputs: {', '.join(net.outputs)}"
        raise SettingError(f"the net has no blob {blob!r}", where="--score", mend=mend)
    shape = net.blobs[blob].shape
    if not _has_entry_an_image(net, blob):
        raise SettingError(f"the blob {blob!r} of shape {shape} has no entry for each image", where="--score")
    scores = _form(net, blob, classes)
    if scores is None and len(shape) > 2 and shape[1] > 1:
        scores = Scores(blob, shape[1], Form.MAP)
    if scores is None:
        raise SettingError(f"the blob {blob!r} of shape {shape} has no scores of classes", where="--score")
    return scores


def _ranked(net: Net, blob: str, data: Dataset, compared: Sequence[str]) -> tuple[_Rank, Scores] | None:
    """Return how surely an output tells classes, None where it does not."""
    classes = len(data.classes)
    scores = _form(net, blob, classes) if _has_entry_an_image(net, blob) else None
    if scores is None:
        return None
    layer, name = _origin(net, blob)
    defined = scores.form is not Form.VECTOR or _distribution(net, layer) == scores.classes
    # A loss may contain the layer that makes probabilities.
    if not {blob, name, *(layer.bottoms if defined else ())}.isdisjoint(compared):
        return _Rank.COMPARED, scores
    if defined:
        return _Rank.DEFINED, scores
    # Labels of a list may not reach the last class; most of an embedding's numbers would be beyond them.
    fits = classes <= scores.classes < 2 * classes if data.numbered else scores.classes == classes
    return (_Rank.PLAIN, scores) if fits else None


def _form(net: Net, blob: str, classes: int) -> Scores | None:
    """Return how a blob with an entry for each image can tell classes, None where it cannot."""
    shape, count = net.blobs[blob].shape, net.blobs[blob].image_size
    layer, _ = _origin(net, blob)
    among = layer.params.picks_among(net.bottom_blobs(layer))
    if among:
        return Scores(blob, among, Form.NUMBER) if count == 1 else None
    if count == 1 and classes == 2 and _says_yes_or_no(layer):
        return Scores(blob, 2, Form.PAIR)
    known = _distribution(net, layer)
    vector = known == count if known else count > 1 and prod(shape[2:]) == 1
    return Scores(blob, count) if vector else None


def _origin(net: Net, blob: str) -> tuple[Layer, str]:
    """Return the layer that computes a blob, and what it calls it: layers between that only give it another shape."""
    layer = net.producers[blob]
    while len(layer.bottoms) == 1 and layer.params.moves_only(net.bottom_blobs(layer)):
        if net.blobs[layer.bottoms[0]].size != net.blobs[blob].size:
            break
        blob = layer.bottoms[0]
        layer = net.producers[blob]
    return layer, blob


def _distribution(net: Net, layer: Layer) -> int:
    return 0 if layer.epilogue is not None else layer.params.distribution(net.bottom_blobs(layer))


def _says_yes_or_no(layer: Layer) -> bool:
    last = layer.params if layer.epilogue is None else layer.epilogue.activation
    return last is not None and last.yes_or_no


def _has_entry_an_image(net: Net, blob: str) -> bool:
    """Return whether axis 0 of a blob is the batch of the images; as declared, where the net takes no other batch."""
    try:
        return all(net.with_images(count).blobs[blob].shape[:1] == (count,) for count in _PROBES)
    except (NetError, UnsupportedError):
        first = next(iter(net.inputs.values()))
        return net.blobs[blob].shape[:1] == first.shape[:1]


def _refusal(net: Net, classes: int) -> str:
    """Return in words why no output tells classes, and what can be done."""
    maps = [name for name in net.outputs if _has_entry_an_image(net, name) and prod(net.blobs[name].shape[2:]) > 1]
    fits = [name for name in maps if net.blobs[name].shape[1] >= classes]
    mean = f"; --score {fits[-1]} counts the mean over its positions" if fits else "; --score BLOB names one that has"
    return f"no output has a score for each image and each of {classes} classes{mean}"
