"""Where against the NumPy reference."""

from tests.kernels.checks import check_net, feed_for, one_layer_net


def test_where():
    net = one_layer_net("Where", *[(5, 3, 4)] * 3)
    feed = feed_for(net)
    feed["x0"][:, ::2] = 0
    check_net(net, feed=feed)
