"""The axes of a blob as pieces that move as a whole, while Reshape, Permute and Slice do what they do to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import prod
from typing import NamedTuple

from xdn.graph import Blob, Layer, LayerParams, Shape
from xdn.layers.flatten import Flatten
from xdn.layers.permute import Permute
from xdn.layers.reshape import Reshape
from xdn.layers.slice import Slice


class Step(NamedTuple):
    """A layer of a chain: its parameters, the shapes of its bottom and of the top that counts, and which that is."""

    params: LayerParams
    bottom: Shape
    top: Shape
    number: int = 0

    @property
    def copies(self) -> bool:
        """Whether it moves values in memory: a Reshape that leaves batch and channels does not."""
        return not isinstance(self.params, (Reshape, Flatten)) or self.bottom[:2] != self.top[:2]


@dataclass(eq=False)
class Piece:
    """A part of an axis of the first blob, `extent` of `full` entries from `start` on."""

    start: int
    extent: int
    full: int

    @property
    def is_cut(self) -> bool:
        """Whether not all of it is left."""
        return self.extent != self.full


class UndividedError(Exception):
    """Pieces do not divide as a chain would have it."""


class Pieces:
    """The axes of a blob after the batch as pieces of those of the first blob of a chain."""

    def __init__(self, shape: Shape):
        self.source = [[Piece(0, extent, extent)] for extent in shape[1:]]
        self.axes = [list(axis) for axis in self.source]

    def _split(self, piece: Piece, inner: int) -> tuple[Piece, Piece]:
        """Put two pieces in the place of one, the second of so many entries."""
        if piece.extent % inner or piece.start % inner or piece.full % inner:
            raise UndividedError
        parts = Piece(piece.start // inner, piece.extent // inner, piece.full // inner), Piece(0, inner, inner)
        for axis in (*self.source, *self.axes):
            if piece in axis:
                at = axis.index(piece)
                axis[at : at + 1] = parts
        return parts

    def reshape(self, shape: Shape) -> None:
        """Give the blob the extents of `shape` after the batch."""
        left = [piece for axis in self.axes for piece in axis if piece.extent > 1]
        self.axes = []
        for wanted in shape[1:]:
            axis: list[Piece] = []
            while (rest := wanted // prod(piece.extent for piece in axis)) > 1:
                piece = left.pop(0)
                if piece.extent > rest:
                    piece, inner = self._split(piece, piece.extent // rest)
                    left.insert(0, inner)
                axis.append(piece)
            if rest < 1 or prod(piece.extent for piece in axis) != wanted:
                raise UndividedError
            self.axes.append(axis)

    def cut(self, axis: int, begin: int, end: int) -> None:
        """Keep some entries of an axis, counted from the batch on."""
        pieces = [piece for piece in self.axes[axis - 1] if piece.extent > 1]
        if not pieces:
            return
        first, inner = pieces[0], prod(piece.extent for piece in pieces[1:])
        if begin % inner or end % inner:
            raise UndividedError
        first.start, first.extent = first.start + begin // inner, (end - begin) // inner

    def follow(self, layer: Layer, bottom: Blob, top: int, shape: Shape) -> None:
        """Do what a layer does to a blob to give one of its tops, of `shape`."""
        match layer.params:
            case Permute() as params:
                self.axes = [self.axes[axis - 1] for axis in params.axes(bottom)[1:]]
            case Slice() as params:
                self.cut(params.along(bottom), *list(pairwise(params.ends(bottom, len(layer.tops))))[top])
            case _:
                self.reshape(shape)


def steps_between(pieces: Pieces, source: Shape, target: Shape) -> Iterator[Step]:
    """Yield the steps from a blob of one shape to one of the other, at least a Reshape to the shape that it has."""
    shape = source
    if any(piece.is_cut for axis in pieces.source for piece in axis[1:]):
        split = (source[0], *(piece.full for axis in pieces.source for piece in axis))
        yield _reshape(shape, split)
        shape, pieces.source = split, [[piece] for axis in pieces.source for piece in axis]
    for number, axis in enumerate(pieces.source, 1):
        if axis[0].is_cut:
            inner = prod(piece.full for piece in axis[1:])
            begin, end = axis[0].start * inner, (axis[0].start + axis[0].extent) * inner
            points = tuple(point for point in (begin, end) if 0 < point < shape[number])
            cut = (*shape[:number], end - begin, *shape[number + 1 :])
            yield Step(Slice(axis=number, slice_point=points), shape, cut, int(begin > 0))
            shape = cut
    order = [piece for axis in pieces.source for piece in axis if piece.extent > 1]
    groups = [run for axis in pieces.axes for run in _runs(axis, order)]
    before = sorted(groups, key=lambda run: order.index(run[0]))
    if groups != before:
        split = (source[0], *(prod(piece.extent for piece in run) for run in before))
        if split != shape:
            yield _reshape(shape, split)
        turned = tuple(before.index(run) for run in groups)
        shape = (source[0], *(split[1 + number] for number in turned))
        yield Step(Permute(order=(0, *(1 + number for number in turned))), split, shape)
    if shape != target or shape is source:
        yield _reshape(shape, target)


def _runs(axis: Sequence[Piece], order: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces of an axis, those together that follow one another in `order`."""
    places = enumerate(order.index(piece) for piece in axis if piece.extent > 1)
    return [[order[place] for _, place in run] for _, run in groupby(places, lambda pair: pair[1] - pair[0])]


def _reshape(shape: Shape, target: Shape) -> Step:
    return Step(Reshape(shape=(0, *target[1:])), shape, target)
