"""How a layer type describes its Caffe message."""

import dataclasses

import pytest

from xdn.errors import ShapeError, UnknownNameError
from xdn.graph import Blob, ChannelRule
from xdn.layers.base import ENGINE, LAYERS, CaffeLayer, Field, layer_type, one_bottom, proto
from xdn.layers.pooling import Pooling


def test_a_field_knows_its_place_in_the_message():
    fields = Pooling.proto_fields()
    assert fields["kernel_size"] == Field(2, "uint32", repeated=True, default=())
    methods = {"MAX": 0, "AVE": 1, "STOCHASTIC": 2, "AVE_EXC_PAD": 3, "AVE_TF": 4}
    assert fields["pool"] == Field(1, "enum", values=methods, default="MAX")
    assert "type" not in fields


def test_a_shared_field_takes_another_number():
    assert ENGINE.at(7) == dataclasses.replace(ENGINE, number=7)


def test_a_repeated_field_is_empty_where_it_is_absent():
    @dataclasses.dataclass(frozen=True)
    class Sample:
        values: tuple[int, ...] = proto(4, "uint32", default=(), repeated=True)
        required: tuple[int, ...] = proto(5, "uint32", default=(1,), repeated=True)

    assert Sample() == Sample((), (1,))


def test_a_layer_type_is_frozen_hashable_and_comparable():
    assert Pooling(kernel_size=(2,)) == Pooling(kernel_size=(2,))
    assert len({Pooling(kernel_size=(2,)), Pooling(kernel_size=(2,)), Pooling(kernel_size=(3,))}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pooling().kernel_size = 3


def test_a_type_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="registered twice"):

        @layer_type("Pooling")
        class Again(CaffeLayer):
            channel_rule = ChannelRule.FIXED


def test_an_unknown_type_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"layer type 'Convolutoin'.*Convolution"):
        LAYERS["Convolutoin"]


def test_one_bottom():
    blob = Blob((1, 2, 3, 4))
    assert one_bottom([blob]) is blob
    assert one_bottom([blob], 4) is blob
    with pytest.raises(ShapeError, match="2 bottoms"):
        one_bottom([blob, blob])
    with pytest.raises(ShapeError, match="takes 3 axes"):
        one_bottom([blob], 3)
