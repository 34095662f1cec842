"""Which numbers layers read where a net takes least time: compared with all ways to choose them, as they are stored."""

from itertools import product

import numpy as np
import pytest

from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import instruments_for, residual_net
from xdn.graph import Bf16, Quantized
from xdn.graph.cost import layer_cost
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.quantize.fastest import BF16, F32, INT8, Times, fastest, times_of

NUMBERS = (F32, BF16, INT8)
READINGS = {BF16: Bf16(), INT8: Quantized(0.1, signed=True)}


def joined_net():
    """Return a net whose blobs are joined, pooled, and read twice."""
    return net_of(
        data(1, 3, 6, 6),
        conv("a", "data", 4),
        conv("b", "a", 4),
        layer("Concat", "c", ["a", "b"]),
        layer("Pooling", "pool", ["c"], pool="MAX", kernel_size=2, stride=2),
        conv("d", "pool", 8),
        conv("e", "pool", 4),
        outputs=("d", "e"),
    )


def stored(net, numbers):
    """Return the net as it is stored where its layers read these numbers."""
    layers = (
        each.replace(quantized=(READINGS[numbers[each.name]],) * len(each.bottoms))
        if numbers.get(each.name, F32) != F32
        else each
        for each in net.layers
    )
    return apply_stages(net.replace(layers=tuple(layers)), ["quantized-storage"])


def all_ways(net, names):
    """Return for all ways to choose numbers: names -> numbers, values converted to each, and what pools hand on."""
    found = []
    for chosen in product(NUMBERS, repeat=len(names)):
        numbers = dict(zip(names, chosen, strict=True))
        made = stored(net, numbers)
        converted = dict.fromkeys((BF16, INT8), 0)
        for each in made.layers:
            if each.type == "Quantize" and each.bottoms[0] not in made.inputs:
                converted[BF16 if each.params.bf16 else INT8] += made.blobs[each.tops[0]].image_size
        element = made.blobs[made.layer("pool").bottoms[0]].element.name
        found.append((numbers, converted, {"f32": F32, "bf16": BF16, "s8": INT8}[element]))
    return found


@pytest.mark.parametrize(
    ("net", "names"),
    [(residual_net(), ("stem", "a", "b", "average", "fc")), (joined_net(), ("a", "b", "d", "e"))],
    ids=["residual", "joined"],
)
def test_no_other_choice_takes_less_time(net, names):
    ways, taken = all_ways(net, names), set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        layers = {each: dict(zip((*names, "pool"), rng.random(len(names) + 1), strict=True)) for each in NUMBERS}
        price = dict(zip((BF16, INT8), 0.003 * rng.random(2), strict=True))

        def whole(way, layers=layers, price=price):
            """Return what a net takes so."""
            numbers, converted, handed = way
            own = sum(layers[each][name] for name, each in numbers.items())
            return own + layers[handed]["pool"] + sum(price[each] * count for each, count in converted.items())

        found = fastest(net, Times(layers, price), {(name,): NUMBERS for name in names})
        numbers = {unit[0]: each for unit, each in found.items()}
        assert numbers == min(ways, key=whole)[0]
        taken.add(tuple(numbers.values()))
    assert len(taken) > 10


def test_layers_of_a_unit_read_the_same_and_others_f32():
    net = joined_net()
    layers = {F32: {"a": 1.0, "b": 1.0, "d": 1.0}, INT8: {"a": 0.0, "b": 1.5, "d": 0.0}}
    found = fastest(net, Times(layers), {("a", "b"): [F32, INT8], ("d",): [F32]})
    assert found == {("a", "b"): INT8, ("d",): F32}


def test_of_equals_the_first_numbers_are_taken():
    net = joined_net()
    units = {(name,): NUMBERS for name in "abde"}
    assert set(fastest(net, Times({each: {} for each in NUMBERS}), units).values()) == {F32}


def test_many_open_blobs_are_looked_at_in_bounded_time():
    """Each of 24 blobs waits for the sum of all."""
    names = [f"c{number}" for number in range(24)]
    net = net_of(data(1, 3, 4, 4), *(conv(name, "data", 4) for name in names), layer("Eltwise", "sum", names))
    layers = {F32: dict.fromkeys((*names, "sum"), 1.0), INT8: dict.fromkeys((*names, "sum"), 0.5)}
    found = fastest(net, Times(layers, {INT8: 1.0}), {(name,): [F32, INT8] for name in (*names, "sum")})
    assert set(found.values()) == {INT8}


def test_times_are_those_of_a_clock_and_a_conversion_is_that_of_a_value():
    net = joined_net()
    asked = []

    def clock(nets):
        asked.extend(nets)
        return [{"a": 3.0}, {"a": 1.0}, {"bf16": 8.0, "int8": 4.0, "x": 1.0}]

    instruments = instruments_for(net)
    found = times_of({F32: net, INT8: net}, type(instruments)(instruments.batches, seconds=clock))
    assert asked[:2] == [net, net]
    assert {each.params.quantized for each in asked[2].layers[2:]} == {Bf16(), Quantized(1.0)}
    largest = max(blob.image_size for blob in net.blobs.values())
    assert {blob.image_size for blob in asked[2].blobs.values()} == {largest}
    assert found == Times({F32: {"a": 3.0}, INT8: {"a": 1.0}}, {BF16: 8.0 / largest, INT8: 4.0 / largest})
    assert found.of(("a", "b"), INT8) == 1.0


def test_without_a_clock_multiplications_stand_for_times():
    net = joined_net()
    found = times_of({F32: net, BF16: net, INT8: net}, instruments_for(net))
    macs = layer_cost(net, net.layer("d")).macs
    assert [found.of(("d",), each) for each in NUMBERS] == [macs, macs / 2, macs / 4]
    assert not found.measured
