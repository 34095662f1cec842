"""What a TIFF claims of its first image, read before a decoder allocates as much.

Source of the format: TIFF 6.0 (Adobe 1992).
"""

import struct
from math import ceil

from xdn.data.dataset import Size

MAGICS = {b"II*\0": "<", b"MM\0*": ">"}
BIG_MAGICS = (b"II+\0", b"MM\0+")

_ENTRY_BYTES = 12
#: Bytes of a value by its type's number.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "I"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _STRIPS, _SAMPLES, _ROWS = 256, 257, 258, 259, 273, 277, 278
_PLANAR, _TILE_WIDTH, _TILE_HEIGHT, _TILES = 284, 322, 323, 324
#: What a tag means where it is absent.
_DEFAULTS = {_COMPRESSION: 1, _SAMPLES: 1, _PLANAR: 1}
#: None, the three of fax, LZW, JPEG, Deflate under both its numbers, PackBits.
_COMPRESSIONS = (1, 2, 3, 4, 5, 7, 8, 32946, 32773)
_JPEG = 7
#: The planar configuration in which each sample has parts of its own.
_SEPARATE = 2
_MOST_BITS, _MOST_SAMPLES = 16, 5
#: A tile may have so many pixels more than the image: a small image lies in one tile.
_TILE_PIXELS = 1 << 20


#: Values of one tag that are looked at: the bits of each sample.
_MOST_VALUES = 8
#: Tag -> how many values it has, and the first of them.
_Tags = dict[int, tuple[int, tuple[int, ...]]]


def tiff_size(content: bytes) -> tuple[Size, int]:
    """Return (height, width) of the first image, and the pixels that all its JPEG scans pass.

    Raises
    ------
    ValueError
        Where the file is cut off, has more than 16 bits a sample, or asks for more memory than its pixels need.
    """
    tags = _first_directory(content)
    height, width = _one(tags, _HEIGHT), _one(tags, _WIDTH)
    bits, samples = max(tags.get(_BITS, (1, (1,)))[1]), _one(tags, _SAMPLES)
    if bits > _MOST_BITS or samples > _MOST_SAMPLES:
        raise ValueError(
            f"a TIFF of {samples} samples of {bits} bits; at most {_MOST_SAMPLES} of {_MOST_BITS} are read"
        )
    if (compression := _one(tags, _COMPRESSION)) not in _COMPRESSIONS:
        raise ValueError(f"a TIFF with the compression {compression}, which is not read")
    if _TILE_WIDTH in tags:
        rows, columns, places = _one(tags, _TILE_HEIGHT), _one(tags, _TILE_WIDTH), _TILES
    else:
        rows, columns, places = min(height, tags.get(_ROWS, (1, (height,)))[1][0]), width, _STRIPS
    planes = samples if _one(tags, _PLANAR) == _SEPARATE else 1
    if ceil(height / max(1, rows)) * ceil(width / max(1, columns)) * planes > tags.get(places, (0, ()))[0]:
        raise ValueError("a TIFF that lacks parts of its image")
    if rows * columns > height * width + _TILE_PIXELS:
        raise ValueError(f"a TIFF with tiles of {rows}x{columns} pixels for an image of {height}x{width}")
    scans = content.count(b"\xff\xda") if compression == _JPEG else 0
    return (height, width), scans * rows * columns


def _one(tags: _Tags, tag: int) -> int:
    """Return the first value of `tag`, or what its absence means."""
    if tag in tags:
        return tags[tag][1][0]
    if tag not in _DEFAULTS:
        raise ValueError(f"a TIFF without the tag {tag}")
    return _DEFAULTS[tag]


def _first_directory(content: bytes) -> _Tags:
    """Return the tags of the first directory that hold whole numbers; every value has to lie within the file."""
    if content[:4] in BIG_MAGICS:
        raise ValueError("a BigTIFF, which is not read")
    order = MAGICS[content[:4]]
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    tags: _Tags = {}
    for at in range(start + 2, start + 2 + count * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, kind, values = struct.unpack_from(f"{order}HHI", content, at)
        size = _TYPE_BYTES.get(kind, 8) * values
        place = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", content, at + 8)[0]
        if place + size > len(content):
            raise ValueError("a TIFF whose values lie past its end")
        if kind in _NUMBERS and values and tag not in tags:
            first = f"{order}{min(values, _MOST_VALUES)}{_NUMBERS[kind]}"
            tags[tag] = values, struct.unpack_from(first, content, place)
    return tags
