"""Names that are free: what was asked for, or something that begins so, and each only once."""

from xdn.graph.naming import free_name


def test_a_name_is_given_once():
    taken = {"conv", "conv_"}
    assert [free_name("conv", taken) for _ in range(2)] == ["conv__", "conv___"]
    assert free_name("pool", taken) == "pool"
    assert taken == {"conv", "conv_", "conv__", "conv___", "pool"}
