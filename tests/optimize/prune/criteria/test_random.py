"""The control is seeded, and differs from group to group."""

from tests.optimize.prune.nets import importance, small_resnet


def test_seeded_by_group():
    net = small_resnet()
    first, again = (importance("random", net, "project", seed=3) for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != importance("random", net, "project", seed=4).tolist()
    assert first.tolist() != importance("random", net, "twoa", seed=3).tolist()
    assert first.min() >= 0.5
    assert first.max() < 1.5
