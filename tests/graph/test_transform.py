"""The record of an image's transform: absent means that pixels stay as they are."""

import dataclasses

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
