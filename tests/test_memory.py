"""The limit of memory: what was asked for, else a share of the machine's or the control group's; what is refused."""

import pytest

from xdn import memory
from xdn.errors import MemoryLimitError, SettingError
from xdn.memory import Need, group_size, limit, limited, machine_size, parsed_size, require, shown_size


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("XDN_MEMORY", raising=False)


@pytest.mark.parametrize(
    ("text", "size"),
    [("8G", 8 << 30), ("512M", 512 << 20), ("1.5 GiB", 3 << 29), ("64kb", 64 << 10), ("7", 7), (" 2T ", 2 << 40)],
)
def test_sizes(text, size):
    assert parsed_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0.1", "-1G", "G", "8 X", "1e9", "1" * 40, "8G8"])
def test_other_texts_are_refused(monkeypatch, text):
    with pytest.raises(SettingError, match=r"not a size of memory.*8G"):
        parsed_size(text)
    monkeypatch.setenv("XDN_MEMORY", text)
    if text:
        with pytest.raises(SettingError, match=r"^XDN_MEMORY"):
            limit()


@pytest.mark.parametrize(("size", "text"), [(100, "0.1 KiB"), (3 << 19, "1.5 MiB"), (8 << 30, "8.0 GiB")])
def test_shown(size, text):
    assert shown_size(size) == text


def test_what_was_asked_for_comes_first(monkeypatch):
    assert limit() > 0
    monkeypatch.setenv("XDN_MEMORY", "3G")
    assert limit() == 3 << 30
    with limited(5):
        with limited(None):
            assert limit() == 5
        with limited(7):
            assert limit() == 7
        assert limit() == 5
    assert limit() == 3 << 30


@pytest.mark.parametrize(("there_gib", "allowed_gib"), [(64, 16), (24, 6), (8, 2), (6, 2), (3, 1.5)])
def test_a_share_of_what_is_there(monkeypatch, there_gib, allowed_gib):
    monkeypatch.setattr(memory, "machine_size", lambda: 100 << 30)
    monkeypatch.setattr(memory, "group_size", lambda: there_gib << 30)
    assert limit() == int(allowed_gib * (1 << 30))


def test_the_smallest_limit_of_the_group_and_those_around_it_counts(tmp_path):
    own, inner = tmp_path / "own", tmp_path / "v2" / "a" / "b"
    inner.mkdir(parents=True)
    own.write_text("12:memory:/elsewhere\n0::/a/b\n")
    sizes = {"v2/a/b": "max", "v2/a": "1000", "v2": "5000"}
    for folder, text in sizes.items():
        (tmp_path / folder / "memory.max").write_text(f"{text}\n")
    assert group_size(tmp_path / "v2", tmp_path / "none", own) == 1000
    (tmp_path / "v1").write_text("900\n")
    assert group_size(tmp_path / "v2", tmp_path / "v1", own) == 900
    assert group_size(tmp_path / "none", tmp_path / "none", tmp_path / "none") == machine_size()


def test_a_machine_that_does_not_tell(monkeypatch):
    monkeypatch.setattr(memory.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert machine_size() == 8 << 30


def test_the_largest_layers_are_named():
    needs = [Need(f"layer {n}", n << 20) for n in range(1, 7)] + [Need("layer 1", 30 << 20)]
    with limited(51 << 20):
        require(needs, "running the net")
    with limited((51 << 20) - 1), pytest.raises(MemoryLimitError) as caught:
        require(needs, "running the net")
    text = str(caught.value)
    assert "running the net takes about 51.0 MiB of memory, and 51.0 MiB are allowed" in text
    assert "layer 1 31.0 MiB, layer 6 6.0 MiB, layer 5 5.0 MiB, layer 4 4.0 MiB, 2 others" in text
    assert "--max-memory" in text
