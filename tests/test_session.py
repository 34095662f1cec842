"""`xdn.Session`, which fuses what it runs."""

import numpy as np

import xdn
from tests.cli.caffe_files import noise, write_small


def test_a_session_fuses_and_computes(tmp_path):
    net, path = write_small(tmp_path)
    session = xdn.Session(path, threads=1)
    assert [each.name for each in session.net.layers if each.epilogue] == []
    session = xdn.Session(xdn.optimize(net).net, threads=1)
    assert [each.name for each in session.net.layers if each.epilogue] == ["conv1", "conv2"]
    images = noise(3, 3, 12, 12)
    (found,) = session.run(None, {"data": images})
    expected = net.with_batch(3).forward({"data": images})["prob"]
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=2e-6)


def test_a_session_profiles_what_it_fused(tmp_path):
    net, _ = write_small(tmp_path)
    session = xdn.Session(xdn.optimize(net).net, threads=1, profile=True)
    session.run(None, {"data": noise(3, 3, 12, 12)})
    kernels = {row.name: row.kernels for row in session.profile(100.0).layers}
    assert "relu1" not in kernels
    assert "relu" in kernels["conv1"][0]
