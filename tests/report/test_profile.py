"""The table of a profile."""

from tests.report.rendering import rows
from xdn.report.profile import profile_table
from xdn.runtime.profile import INPUT, TOTAL, LayerProfile, Profile


def small(workers=2):
    layers = (
        LayerProfile(INPUT, "", ((3, 32, 32),), ("load_pixels_f32__avx2",), 0.5, 0.05, 0, 0.0, 0.0, 1024, 2.0),
        LayerProfile(
            "c[red]", "Convolution", ((16, 30, 30),), ("contract_f32_13x2__avx2", "contract_f32_12x2__avx2"),
            9.0, 0.9, 388_800, 86.4, 43.2, 1_572_864, 0.2,
        ),
        LayerProfile("split", "Split", ((16, 30, 30), (16, 30, 30)), (), 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0),
    )  # fmt: skip
    total = LayerProfile(TOTAL, "", (), (), 9.5, 1.0, 388_800, 82.0, 41.0, 1_573_888, 0.2)
    return Profile(1000, workers, 9.75, 200.0, layers, total)


def test_a_row_a_layer_in_order_and_the_totals():
    title, header, _, *layers, total = rows(profile_table(small()))
    assert title == ["1000 images in 9.8 ms, 2 threads; peak of the arithmetic: 200 GFLOP/s"]
    assert header[:4] == ["layer", "type", "shape", "kernels"]
    assert header[4:] == ["ms", "share", "MACs/image", "GFLOP/s", "of peak", "moved", "GB/s"]
    assert layers[0] == [INPUT, "3x32x32", "load_pixels_f32", "0.500", "5.0%", "1 KiB", "2.0"]
    assert layers[1] == [
        "c[red]", "Convolution", "16x30x30", "contract_f32_13x2, contract_f32_12x2",
        "9.000", "90.0%", "389 k", "86.4", "43.2 %", "1.50 MiB", "0.2",
    ]  # fmt: skip
    assert layers[2] == ["split", "Split", "16x30x30, 16x30x30", "0.000", "0.0%"]
    assert total == ["3 rows", "9.500", "100.0%", "389 k", "82.0", "41.0 %", "1.50 MiB", "0.2"]


def test_one_thread_is_not_several():
    assert "1 thread;" in rows(profile_table(small(workers=1)))[0][0]
