"""Codebooks that are trained: values, gradients, what is written, resuming."""

import numpy as np
import pytest
import torch

from tests.cli.caffe_files import PROTOTXT
from tests.train.checks import compare, seeded_inputs, tensors
from tests.train.test_trainer import assert_equal_nets, stopped, trainer
from tests.train.tiny import SOLVER, Watched, write_training
from xdn.api import save
from xdn.errors import WeightsError
from xdn.frontend import load
from xdn.frontend.solver import read_solver
from xdn.graph.codebook import codebook_in
from xdn.optimize.codebooks.coding import with_codebooks
from xdn.optimize.codebooks.config import CodebookConfig
from xdn.train.codes import Codes
from xdn.train.module import NetModule
from xdn.train.start import begin
from xdn.train.trainer import Trainer


@pytest.fixture
def coded(tmp_path):
    """Return the small net with codebooks, written to tmp_path."""
    (tmp_path / "small.prototxt").write_text(PROTOTXT)
    net = load(tmp_path / "small.prototxt", random_weights=True)
    made = with_codebooks(net, CodebookConfig(centroids=8, iterations=2, swaps=0)).net
    save(made, tmp_path, "small")
    return made


@pytest.fixture
def solver(coded, tmp_path):
    """Return a solver that trains the coded net by Adam."""
    text = SOLVER.replace("Nesterov", "Adam").replace("0.05", "0.03") + 'weights: "small.caffemodel"'
    written = (tmp_path / "small.prototxt").read_text()
    return read_solver(write_training(tmp_path, text, written))


def test_a_weight_is_of_rounded_centroids_whose_gradients_are_sums():
    centroids = torch.tensor([[0.1, 2.0], [70000.0, -1.0]], requires_grad=True)
    weight = Codes(torch.tensor([1, 0, 0], dtype=torch.int32), (3, 2, 1)).weight(centroids)
    assert weight[:, :, 0].tolist() == [[65504, -1], [np.float16(0.1), 2], [np.float16(0.1), 2]]
    weight.backward(torch.arange(6.0).reshape(3, 2, 1))
    assert centroids.grad.tolist() == [[2 + 4, 3 + 5], [0, 1]]


def test_a_module_computes_what_the_net_does_and_learns_centroids(coded):
    net = coded.with_batch(2)
    module, inputs = NetModule(net).eval(), seeded_inputs(net)
    with torch.no_grad():
        compare(module.outputs(tensors(inputs))["prob"], net.forward(inputs)["prob"])
    shapes = dict(module.named_parameters())
    assert shapes["conv2:weight"].shape == codebook_in(net.layer("conv2")).centroids.shape
    assert_equal_nets(module.to_net(), net)


def test_what_is_trained_has_the_codes_and_other_centroids(solver, coded, tmp_path):
    start = begin(solver, tmp_path / "out")
    made = Trainer(start.task, Watched())
    net = start.deployed(made.run())
    assert made.progress.accuracy > 90
    for name in ("conv2", "fc"):
        before, after = (codebook_in(each.layer(name)) for each in (coded, net))
        pairs = set(zip(before.codes.tolist(), after.codes.tolist(), strict=True))
        # Their order follows from the values, which are others.
        assert len(pairs) == len(before.centroids) == len(after.centroids)
        assert not np.array_equal(np.sort(before.centroids, axis=0), np.sort(after.centroids, axis=0))
    save(net, tmp_path, "trained")
    assert (tmp_path / "trained.caffemodel").stat().st_size == (tmp_path / "small.caffemodel").stat().st_size
    assert load(tmp_path / "trained.prototxt", tmp_path / "trained.caffemodel").digest == net.digest


def test_a_training_of_codebooks_that_was_stopped_equals_one_that_was_not(solver, tmp_path):
    whole = trainer(solver, tmp_path / "whole").run()
    stopped(solver, tmp_path / "parts", 7)
    assert_equal_nets(trainer(solver, tmp_path / "parts").run(), whole)


def test_weights_that_are_no_codebook_are_refused(coded):
    layer = coded.layer("conv2")
    weights = {**layer.weights, "weight": layer.weights["weight"] + np.float32(0.1)}
    with pytest.raises(WeightsError, match=r"layer 'conv2'.*its weight is not of 256 blocks of 9 numbers"):
        NetModule(coded.with_weights({"conv2": weights}))
