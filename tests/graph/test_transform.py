"""The record of an image's transform: absent means that pixels stay as they are."""

import dataclasses

import pytest

from xdn.graph import Transform


def test_the_default_changes_nothing():
    transform = Transform()
    assert (transform.scale, transform.crop_size) == (1.0, 0)
    assert not any((transform.mean_value, transform.mean_file, transform.std, transform.channel_order))


def test_every_part_counts():
    changes = {
        "scale": 0.5,
        "mean_value": (1.0,),
        "mean_file": "mean.binaryproto",
        "crop_size": 3,
        "std": (2.0,),
        "channel_order": "bgr",
        "mirror": True,
    }
    assert set(changes) == {field.name for field in dataclasses.fields(Transform)}
    assert len({Transform(), *(Transform(**{name: value}) for name, value in changes.items())}) == len(changes) + 1


@pytest.mark.parametrize(
    "said", [{"std": (0.0,)}, {"std": (1.0, -2.0)}, {"std": (float("inf"),)}, {"scale": float("nan")}]
)
def test_what_no_image_can_be_scaled_by_is_told(said):
    assert Transform(scale=0.5, std=(1.0, 2.0)).impossible == ""
    (name,) = said
    assert f"{name} {said[name]}" in Transform(**said).impossible
