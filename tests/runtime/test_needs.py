"""What running a net takes of memory is told before, layer by layer, and refused where it is too much."""

import tracemalloc

import numpy as np
import pytest

from tests.kernels.checks import B, one_layer_net
from xdn.errors import MemoryLimitError, XdnError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text.prototxt import parse
from xdn.frontend.weights import random_weights
from xdn.graph import Blob, Net
from xdn.kernels.core.layout import CHANNEL, SCHEDULES
from xdn.memory import Need, limited
from xdn.optimize import optimize
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.needs import block_fits, images_that_fit, net_needs, run_needs
from xdn.runtime.session import Session

MIB = 1 << 20
LIMIT = 64 * MIB


def layer(kind, fields="", bottoms="data", tops="y", name=None):
    named = "".join(f' bottom: "{each}"' for each in bottoms.split()) + "".join(f' top: "{t}"' for t in tops.split())
    return f'layer {{ name: "{name or tops.split()[0]}" type: "{kind}"{named} {fields} }}\n'


def net_of(text, shape=(1, 3, 32, 32)):
    dims = " ".join(f"dim: {extent}" for extent in shape)
    return net_from_message(parse(f'input: "data" input_shape {{ {dims} }}\n{text}'))


def conv(fields):
    return layer("Convolution", f"convolution_param {{ {fields} }}")


#: Small files of many kinds that ask for much.
KINDS = {
    "filters": conv("num_output: 200000 kernel_size: 1"),
    "filters of all": conv("num_output: 20000 kernel_size: 32"),
    "padding": conv("num_output: 1 kernel_size: 1 pad: 2000"),
    "dilation": conv("num_output: 4 kernel_size: 3 dilation: 15000 pad: 15000"),
    "large kernel": conv("num_output: 1 kernel_size: 1001 pad: 500"),
    "long kernel": conv("num_output: 1 kernel_h: 1 kernel_w: 100001 pad_w: 50000"),
    "long padding": conv("num_output: 1 kernel_h: 1 kernel_w: 1 pad_w: 4000000"),
    "groups": conv("num_output: 300000 kernel_size: 3 group: 3"),
    "stride": conv("num_output: 4 kernel_size: 3 stride: 2000000000"),
    "transposed, stride": layer("Deconvolution", "convolution_param { num_output: 1 kernel_size: 2 stride: 300 }"),
    "transposed, kernel": layer("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3000 }"),
    "vectors": layer("InnerProduct", "inner_product_param { num_output: 60000 }"),
    "wide vectors": layer("Pooling", "pooling_param { global_pooling: true }")
    + layer("InnerProduct", "inner_product_param { num_output: 60000000 }", "y", "z"),
    "reshape": layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }")
    + layer("InnerProduct", "inner_product_param { num_output: 20000 }", "y", "z"),
    "tile": layer("Tile", "tile_param { tiles: 20000 }"),
    "tile of rows": layer("Tile", "tile_param { axis: 2 tiles: 20000 }"),
    "upsample": layer("Upsample", "upsample_param { scale: 100 }"),
    "interp": layer("Interp", "interp_param { height: 4000 width: 4000 }"),
    "spp": layer("SPP", "spp_param { pyramid_height: 5 }"),
    "permute": layer("Tile", "tile_param { tiles: 1000 }")
    + layer("Permute", "permute_param { order: 0 order: 3 order: 1 order: 2 }", "y", "z"),
    "concatenations": "".join(
        layer("Concat", "", f"{bottom} {bottom}", f"d{n}")
        for n, bottom in enumerate(["data", *(f"d{n}" for n in range(13))])
    ),
    "LRN within": layer("LRN", "lrn_param { local_size: 20001 norm_region: WITHIN_CHANNEL }"),
    "LRN nearly all": layer("Tile", "tile_param { axis: 2 tiles: 8 }")
    + layer("LRN", "lrn_param { local_size: 301 norm_region: WITHIN_CHANNEL }", "y", "z"),
    "LRN across": layer("LRN", "lrn_param { local_size: 2000000001 }"),
    "average": layer("Pooling", "pooling_param { kernel_size: 20001 pad: 10000 pool: AVE }"),
    "maximum": layer("Pooling", "pooling_param { kernel_size: 20001 pad: 10000 }"),
    "places": layer("Pooling", "pooling_param { kernel_size: 20001 pad: 10000 }", tops="y m"),
    "prior boxes": layer("Upsample", "upsample_param { scale: 64 }")
    + layer("PriorBox", "prior_box_param { min_size: 10 aspect_ratio: 2 flip: true }", "y data", "z"),
    "crop": layer("Crop", "crop_param { axis: 2 offset: 100000 }", "data data"),
    "many tops": layer("Split", "", "data", " ".join(f"t{n}" for n in range(3000))),
}


def bounded(work):
    """Do `work`; return whether it was refused, and the most bytes that it took."""
    tracemalloc.start()
    try:
        with limited(LIMIT):
            work()
        return False, tracemalloc.get_traced_memory()[1]
    except XdnError:
        return True, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_file_is_refused_or_takes_little(kind):
    def plan(schedule):
        net = random_weights(net_of(KINDS[kind]))
        Session(net).close()
        shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
        make_plan(net, shapes, net.outputs, schedule=schedule)

    # Of what is allowed, and of small objects, which nobody counts.
    most = LIMIT * 1.25 + 24 * MIB
    for schedule in SCHEDULES.values():
        refused, peak = bounded(lambda schedule=schedule: plan(schedule))
        assert peak < most, (schedule.name, refused)
    refused, peak = bounded(lambda: optimize(random_weights(net_of(KINDS[kind]))))
    assert peak < most, ("optimize", refused)


def test_the_message_says_which_layers():
    text = layer("Tile", "tile_param { tiles: 20000 }", tops="big") + layer("ReLU", "", "big", "small")
    with limited(LIMIT), pytest.raises(MemoryLimitError, match=r"layer 'big' \(Tile\) 234\.4 MiB.*--max-memory"):
        Session(net_of(text))
    with limited(2048 * MIB):
        Session(net_of(text)).close()


def test_blobs_count_while_they_are_needed():
    text = "".join(layer("ReLU", "", bottom, f"r{n}") for n, bottom in enumerate(["data", "r0", "r1", "r2"]))
    image = 3 * 32 * 32 * 4
    assert sum(need.size for need in net_needs(net_of(text))) == 3 * image  # two, and the result once more
    both = text + layer("Eltwise", "", "r0 r3", "sum")
    assert sum(need.size for need in net_needs(net_of(both))) == 4 * image


def test_weights_count():
    net = net_of(conv("num_output: 8 kernel_size: 3"))
    found = {need.where for need in net_needs(net)}
    assert "layer 'y' (Convolution)" in found
    assert sum(need.size for need in net_needs(net)) == 4 * (8 * 3 * 9 + 8 + 3 * 32 * 32 + 2 * 8 * 30 * 30)


def test_the_schedule_follows_the_memory():
    net = one_layer_net("ReLU", (64, 64, 64))
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    # An image's two blobs and the result have a MiB each.
    with limited(2 * 2 * 3 * B * MIB):
        assert block_fits(net, shapes, B, 2)
    with limited(B * MIB):
        assert not block_fits(net, shapes, B, 2)
        assert Session(net, threads=2).plan(images=4 * B).schedule is CHANNEL


def test_a_call_has_as_many_images_as_fit():
    net = net_of(layer("ReLU"))
    image = 3 * 32 * 32 * 4
    with limited(40 * image):
        assert images_that_fit(net, False, 1000) == 10
        assert images_that_fit(net, True, 1000) == 5
        assert images_that_fit(net, False, 3) == 3
    with limited(1):
        assert images_that_fit(net, False, 1000) == 1


def test_a_run_of_too_many_images_names_the_way_out():
    session = Session(net_of(layer("ReLU")))
    images = np.zeros((1000, 3, 32, 32), np.float32)
    with limited(8 * MIB), pytest.raises(MemoryLimitError, match=r"1000 images.*the output 'y' 11\.7 MiB.*--batch"):
        session.run(None, {"data": images})
    assert len(session.run(None, {"data": images[:10]})[0]) == 10


def test_results_are_counted_for_all_images():
    outputs = {"a": Blob((1, 5)), "b": Blob((1, 2, 3))}
    assert [need.size for need in run_needs(outputs, 7, [Need("more", 9)])] == [140, 168, 9]


def test_nets_that_state_their_batch_are_looked_at_as_they_are():
    net = net_of(layer("Reshape", "reshape_param { shape { dim: 2 dim: 1536 } }"), (1, 3, 32, 32))
    assert isinstance(net, Net)
    assert net_needs(net)
