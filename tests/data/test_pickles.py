import lzma
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from xdn.data.pickles import load_cifar_pickle
from xdn.errors import ParseError


def write(path, content):
    file = path / "batch"
    file.write_bytes(content)
    return file


def official_like(rng, count=4):
    data = rng.integers(0, 256, (count, 3072), np.uint8)
    return {b"batch_label": b"one", b"labels": [1, 2, 300, 70000], b"data": data, b"filenames": [b"a.png", b"b.png"]}


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_reads_what_pickle_writes(tmp_path, rng, protocol):
    batch = official_like(rng)
    found = load_cifar_pickle(write(tmp_path, pickle.dumps(batch, protocol=protocol)))
    assert sorted(found) == ["batch_label", "data", "filenames", "labels"]
    assert found["labels"] == batch[b"labels"]
    assert found["data"].dtype == np.uint8
    np.testing.assert_array_equal(found["data"], batch[b"data"])


def test_reads_the_official_frames(material):
    """The bytes around the pixels of the official test batch, written by Python 2, with zeros for the pixels."""
    blob, parts, at = lzma.decompress(material("cifar10", "frames.xz").read_bytes()), [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "little")
        parts.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    head, tail = parts[-2:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xdn.data.pickles.read_bounded", lambda path, limit: head + bytes(30_720_000) + tail)
        found = load_cifar_pickle("test_batch")
    assert found["data"].shape == (10_000, 3072)
    assert not found["data"].any()
    # The published test batch: a cat, two ships, an airplane; 1000 images a class.
    assert found["labels"][:4] == [3, 8, 8, 0]
    assert np.bincount(found["labels"]).tolist() == [1000] * 10


def test_reads_the_official_meta(material):
    found = load_cifar_pickle(material("cifar10", "batches.meta"))
    assert found["num_cases_per_batch"] == 10_000
    assert found["label_names"][:2] == ["airplane", "automobile"]


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_hostile_pickle_runs_nothing(tmp_path, protocol):
    trace = tmp_path / "trace"
    for attack in (Call(os.system, f"touch {trace}"), Call(eval, f"open({str(trace)!r}, 'w')"), Call(trace.touch)):
        for hidden in (attack, {b"data": attack}, [attack]):
            with pytest.raises(ParseError):
                load_cifar_pickle(write(tmp_path, pickle.dumps(hidden, protocol=protocol)))
    assert not trace.exists()


def test_the_refusal_names_the_global(tmp_path):
    with pytest.raises(
        ParseError, match=r"batch: byte \d+: the pickle cannot be read: it names '(posix|nt)\.system'.*nothing was run"
    ):
        load_cifar_pickle(write(tmp_path, pickle.dumps({b"data": Call(os.system, "true")}, protocol=2)))


def array_pickle(shape=b"K\x02M\x00\x0c\x86", dtype=b"U\x02u1", data=b"U\x00"):
    """A handwritten pickle of {"data": array} in the manner of Python 2."""
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind = b"cnumpy\ndtype\n" + dtype + b"K\x00K\x01\x87R"
    return b"\x80\x02}U\x04data" + made + b"(K\x01" + shape + kind + b"\x89" + data + b"tbs."


def big_string(size):
    return b"T" + struct.pack("<i", size) + bytes(size)


def test_the_handwritten_array_is_well_formed(tmp_path):
    found = load_cifar_pickle(write(tmp_path, array_pickle(data=big_string(6144))))
    assert found["data"].shape == (2, 3072)


NESTED = b"(" + b"K\x01" + b"".join(b"q\x00h\x00\x86" for _ in range(200)) + b"t"
BOMBS = {
    "memo index": b"\x80\x02]r\xff\xff\xff\xff.",
    "string length": b"\x80\x02}T\xff\xff\xff\x7f.",
    "bytes length": b"\x80\x04}\x8e" + struct.pack("<Q", 1 << 62) + b".",
    "frame length": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"}",
    "array shape": array_pickle(shape=b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
    "long shape": array_pickle(shape=b"\x8a\xff" + b"\x7f" * 255 + b"K\x01\x86"),
    "float array": array_pickle(dtype=b"U\x02f8", data=big_string(6144)),
    "object array": array_pickle(dtype=b"U\x02O8", data=big_string(6144)),
    "negative shape": array_pickle(shape=b"J\xff\xff\xff\xffJ\x00\xe8\xff\xff\x86", data=big_string(6144)),
    "copies of one text": b"\x80\x02c_codecs\nencode\nq\x00X"
    + struct.pack("<I", 1 << 20)
    + bytes(1 << 20)
    + b"X\x06\x00\x00\x00latin1\x86q\x01"
    + b"h\x00h\x01R" * 100
    + b".",
    "steps": b"\x80\x02" + b"]" * (1 << 17) + b".",
    "nested key": b"\x80\x02}" + NESTED + b"K\x01s.",
    "nested global": b"\x80\x04" + NESTED + b"U\x01a\x93.",
    "list in itself": b"\x80\x02]q\x00h\x00a.",
    "no dictionary": b"\x80\x02K\x01.",
    "empty stack": b"\x80\x02\x87.",
    "no end": b"\x80\x02}",
    "empty file": b"",
    "persistent id": b"\x80\x02}U\x04dataPx\ns.",
    "extension": b"\x80\x02\x82\x01.",
    "new object": b"\x80\x02cnumpy\nndarray\n)\x81.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_without_much_memory(tmp_path, bomb):
    file = write(tmp_path, BOMBS[bomb])
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match="batch: byte "):
            load_cifar_pickle(file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The bound on copies is 64 MiB, the bound on steps a hundred thousand small objects.
    assert peak < 200 << 20


def test_a_truncated_batch_is_refused(tmp_path, rng):
    whole = pickle.dumps(official_like(rng), protocol=2)
    for end in [1, 2, 10, 100, len(whole) // 2, len(whole) - 1]:
        with pytest.raises(ParseError):
            load_cifar_pickle(write(tmp_path, whole[:end]))


SEEDS = [pickle.dumps(official_like(np.random.default_rng(1), 1), protocol=p) for p in (2, 4)]


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=strategies.sampled_from(SEEDS),
    edits=strategies.lists(strategies.tuples(strategies.integers(0, 400), strategies.integers(0, 255)), max_size=6),
)
def test_a_damaged_batch_is_read_or_refused(tmp_path, seed, edits):
    content = bytearray(seed)
    for at, value in edits:
        content[at % len(content)] = value
    try:
        found = load_cifar_pickle(write(tmp_path, bytes(content)))
    except ParseError:
        return
    assert isinstance(found, dict)
