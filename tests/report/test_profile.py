"""The table of a profile."""

import csv
import io

import pytest
from rich.console import Console

from tests.report.rendering import rows
from xdn.report.profile import ProfileTable, profile_csv
from xdn.runtime.profile import INPUT, TOTAL, LayerProfile, Profile


def small(workers=2):
    layers = (
        LayerProfile(INPUT, "", ((3, 32, 32),), ("load_pixels_f32__avx2",), 0.5, 0.4, 0.05, 0, 0.0, 0.0, 1024, 2.0),
        LayerProfile(
            "c[red]", "Convolution", ((16, 30, 30),), ("contract_f32_13x2__avx2", "contract_f32_12x2__avx2"),
            9.0, 8.0, 0.9, 388_800, 86.4, 43.2, 1_572_864, 0.2,
        ),
        LayerProfile("split", "Split", ((16, 30, 30), (16, 30, 30)), (), 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0),
    )  # fmt: skip
    total = LayerProfile(TOTAL, "", (), (), 9.5, 8.4, 1.0, 388_800, 82.0, 41.0, 1_573_888, 0.2)
    return Profile(1000, workers, 9.75, 200.0, layers, total)


def test_a_row_a_layer_in_order_and_the_totals():
    title, header, _, *layers, total = rows(ProfileTable(small()))
    assert title == ["1000 images in 9.8 ms, 2 threads; peak of the arithmetic: 200 GFLOP/s"]
    assert header[:4] == ["layer", "type", "shape", "kernels"]
    assert header[4:] == ["ms", "predicted", "share", "MACs/image", "GFLOP/s", "of peak", "moved", "GB/s"]
    assert layers[0] == [INPUT, "3x32x32", "load_pixels_f32", "0.500", "0.400", "5.0%", "1 KiB", "2.0"]
    assert layers[1] == [
        "c[red]", "Convolution", "16x30x30", "contract_f32_13x2, contract_f32_12x2",
        "9.000", "8.000", "90.0%", "389 k", "86.4", "43.2 %", "1.50 MiB", "0.2",
    ]  # fmt: skip
    assert layers[2] == ["split", "Split", "16x30x30, 16x30x30", "0.000", "0.0%"]
    assert total == ["3 rows", "9.500", "8.400", "100.0%", "389 k", "82.0", "41.0 %", "1.50 MiB", "0.2"]


def test_one_thread_is_not_several():
    assert "1 thread;" in rows(ProfileTable(small(workers=1)))[0][0]


def printed(profile, width):
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(ProfileTable(profile))
    return console.file.getvalue()


def header(text):
    return next(line for line in text.splitlines() if "layer" in line and "ms" in line).split()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 240])
def test_no_word_is_broken_however_narrow_the_terminal(width):
    text = printed(small(), width)
    assert max(map(len, text.splitlines())) <= width
    shown = header(text)
    cells = {"type": "Convolution", "kernels": "contract_f32_12x2", "shape": "16x30x30,", "of": "43.2 %", "ms": "9.000"}
    for name, cell in cells.items():
        assert (cell in text) == (name in shown), name
    assert {"layer", "ms"} <= set(shown)


def test_less_room_shows_less_and_says_what_is_left_out():
    columns = [len(header(printed(small(), width))) for width in (40, 60, 80, 100, 120, 180)]
    assert columns == sorted(columns)
    assert columns[0] < columns[-1]
    assert "without GB/s, moved, kernels" in " ".join(printed(small(), 100).split())
    assert "--wide" not in printed(small(), 180)


def test_a_long_name_leaves_room_for_the_numbers():
    profile = small()
    layer = profile.layers[1]
    long = LayerProfile(*({**vars(layer), "name": "a" * 100}.values()))
    text = printed(Profile(1000, 2, 9.75, 200.0, (long,), profile.total), 80)
    assert "a" * 40 in text
    assert "a" * 41 not in text
    assert text.count("a" * 20) > 0
    assert "9.000" in text
    assert "a" * 100 in printed(Profile(1000, 2, 9.75, 200.0, (long,), profile.total), 240)


def test_csv_holds_everything_in_full():
    profile = small()
    first, *found = csv.reader(io.StringIO(profile_csv(profile)))
    assert first[:4] == ["layer", "type", "shapes", "kernels"]
    assert [row[0] for row in found] == [INPUT, "c[red]", "split", TOTAL]
    conv = dict(zip(first, found[1], strict=True))
    assert conv["kernels"] == "contract_f32_13x2__avx2 contract_f32_12x2__avx2"
    assert dict(zip(first, found[2], strict=True))["shapes"] == "16x30x30 16x30x30"
    numbers = {name: float(conv[name]) for name in first[4:]}
    assert numbers == {name: getattr(profile.layers[1], name) for name in numbers}


def test_csv_keeps_names_that_need_quotes():
    layer = small().layers[1]
    strange = LayerProfile(*({**vars(layer), "name": 'a,"b"\nc'}.values()))
    found = list(csv.reader(io.StringIO(profile_csv(Profile(1, 1, 1.0, 1.0, (strange,), small().total)))))
    assert found[1][0] == 'a,"b"\nc'
