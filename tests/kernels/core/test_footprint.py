"""What layers say that their weights and tables take is about what they take, before any of it is made."""

import tracemalloc

import pytest

from tests.kernels.checks import one_layer_net
from xdn.codegen.target import host_target
from xdn.kernels.core.family import Lowering, select
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import SCHEDULES

#: What is there whatever the layer is: modules that are loaded late, small objects.
BASE_BYTES = 2 << 20

LAYERS = {
    "1x1": ("Convolution", (3, 200, 200), {"num_output": 2, "kernel_size": 1}),
    "winograd": ("Convolution", (96, 16, 16), {"num_output": 96, "kernel_size": 3, "pad": 1}),
    "strassen": ("Convolution", (512, 16, 16), {"num_output": 512, "kernel_size": 1}),
    "many weights": ("Convolution", (256, 8, 8), {"num_output": 256, "kernel_size": 5, "pad": 2}),
    "padding": ("Convolution", (3, 20, 20), {"num_output": 2, "kernel_size": 1, "pad": 100}),
    "all of a window": ("Convolution", (3, 30, 30), {"num_output": 2, "kernel_size": 31, "pad": 30}),
    "groups": ("Convolution", (64, 16, 16), {"num_output": 128, "kernel_size": 5, "pad": 2, "group": 32}),
    "depthwise": ("Convolution", (8, 100, 100), {"num_output": 8, "kernel_size": 3, "pad": 1, "group": 8}),
    "depthwise, wide": ("Convolution", (3, 100, 100), {"num_output": 3, "kernel_size": 9, "pad": 4, "group": 3}),
    "transposed": ("Deconvolution", (3, 100, 100), {"num_output": 2, "kernel_size": 4, "pad": 1, "stride": 2}),
    "pooling": ("Pooling", (3, 200, 200), {"kernel_size": 3, "pad": 1}),
    "pooling, wide": ("Pooling", (3, 40, 40), {"kernel_size": 31, "pad": 30}),
    "LRN": ("LRN", (3, 60, 60), {"norm_region": "WITHIN_CHANNEL", "local_size": 41}),
    "resample": ("Resample", (3, 200, 300), {"height": 100, "width": 400}),
    "interp": ("Interp", (3, 20, 20), {"height": 200, "width": 200}),
    "spp": ("SPP", (3, 200, 200), {"pyramid_height": 4}),
    "vectors": ("InnerProduct", (64, 32, 32), {"num_output": 32}),
    "tile": ("Tile", (64, 64, 64), {"tiles": 2}),
    "tile of rows": ("Tile", (64, 64, 64), {"axis": 2, "tiles": 2}),
}


def lowering_of(kind, shape, params, schedule):
    net = one_layer_net(kind, shape, **params).with_batch(1)
    layer = net.layers[-1]
    return Lowering(layer, net.bottom_blobs(layer), net.top_blobs(layer), host_target(), schedule=SCHEDULES[schedule])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", LAYERS)
def test_it_is_not_less_than_is_taken(name, schedule):
    lowering = lowering_of(*LAYERS[name], schedule)
    family = select(lowering)
    told = family.footprint(lowering)
    tracemalloc.start()
    lowered = family.lower(lowering)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = sum(array.nbytes for step in lowered.steps for array in step.keep)
    # The table of a move is looked at while it grows.
    moved = kept * 3 if family.lower.__name__ == "lower_move" else 0
    assert kept <= told.kept * 1.2 + moved + BASE_BYTES
    assert peak <= told.kept + told.making + moved + BASE_BYTES


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("kind", "shape", "params"),
    [
        ("Convolution", (1, 9, 9), {"num_output": 1, "kernel_size": 1, "pad": 20000, "stride": 20000}),
        ("LRN", (3, 9, 9), {"norm_region": "WITHIN_CHANNEL", "local_size": 20001}),
        ("Pooling", (3, 9, 9), {"kernel_size": 20001, "pad": 10000, "pool": "AVE"}),
        ("Pooling", (3, 9, 9), {"kernel_size": 20001, "pad": 10000, "pool": "MAX"}),
        ("Convolution", (3, 9, 9), {"num_output": 2, "kernel_size": 3, "dilation": 15000, "pad": 15000}),
        ("LRN", (3, 9, 9), {"local_size": 2 * 10**9 + 1}),
    ],
)
def test_what_meets_no_data_takes_nothing(kind, shape, params, schedule):
    lowering = lowering_of(kind, shape, params, schedule)
    family = select(lowering)
    told = family.footprint(lowering)
    assert told.kept + told.making < BASE_BYTES
    assert sum(array.nbytes for step in family.lower(lowering).steps for array in step.keep) < BASE_BYTES


def test_footprints_add_up():
    assert Footprint(1, 2) + Footprint(3, 4) * 2 == Footprint(7, 10)
