"""What a training takes of memory is told before: weights with all that belongs to them, and every blob."""

import pytest

from tests.runtime.test_needs import layer, net_of
from tests.train.tiny import write_training
from xdn.errors import MemoryLimitError
from xdn.frontend.solver import read_solver
from xdn.graph import Quantized
from xdn.memory import limited
from xdn.train.needs import training_needs
from xdn.train.start import begin


def test_weights_and_blobs_count():
    net = net_of(layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }"))
    image, top, weights = 3 * 32 * 32 * 4, 4 * 32 * 32 * 4, (4 * 3 + 4) * 4
    for batch in (1, 7):
        total = sum(need.size for need in training_needs(net, batch))
        assert total == 5 * weights + batch * (image + top + 3 * top)


def test_layers_of_integers_keep_quotients_integers_and_sums():
    net = net_of(layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }"))
    made = net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(quantized=(Quantized(0.1),))))
    image, top = 3 * 32 * 32 * 4, 4 * 32 * 32 * 4
    sizes = [sum(need.size for need in training_needs(each, 2)) for each in (net, made)]
    assert sizes[1] - sizes[0] == 4 * 2 * (2 * image + top)


def test_a_net_that_states_its_batch_is_looked_at_as_it_is():
    net = net_of(layer("Reshape", "reshape_param { shape { dim: 1 dim: 3072 } }"))
    assert training_needs(net, 1) == training_needs(net, 5)


def test_what_is_too_large_is_refused_before_the_data_is_read(tmp_path):
    solver = read_solver(write_training(tmp_path))
    with limited(100_000), pytest.raises(MemoryLimitError, match=r"training on 8 images a batch.*layer .*--batch"):
        begin(solver)
    with limited(10 << 20):
        assert begin(solver).task.examples.train
