"""Teachers: their loss by hand, their own transform of the same images, what cannot teach."""

import numpy as np
import pytest
import torch

from tests.cli.caffe_files import PROTOTXT
from xdn.errors import DataError
from xdn.frontend import load
from xdn.frontend.solver import Recipe
from xdn.train.module import NetModule
from xdn.train.teachers import Teachers


def net_of(tmp_path, transform="", text=PROTOTXT):
    path = tmp_path / "net.prototxt"
    path.write_text(text.replace("dim: 12 } }", "dim: 12 } } " + transform))
    return load(path, random_weights=True)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_the_loss_is_that_of_the_formula(tmp_path, rng, temperature, alpha):
    recipe = Recipe(temperature=temperature, alpha=alpha, label_smoothing=0.1)
    student, logits = net_of(tmp_path), rng.standard_normal((5, 10)).astype(np.float32)
    outputs = [rng.standard_normal((5, 10)).astype(np.float32) for _ in range(2)]
    labels = np.array([1, 0, 9, 3, 3])
    found = Teachers([student, student], student, recipe).loss(
        torch.tensor(logits), torch.tensor(labels), [torch.tensor(o) for o in outputs]
    )
    truth = np.full((5, 10), 0.01) + 0.9 * np.eye(10)[labels]
    entropy = -(truth * np.log(softmax(logits))).sum(1).mean()
    targets = [softmax(o / temperature) for o in outputs]
    divergences = [(t * (np.log(t) - np.log(softmax(logits / temperature)))).sum(1).mean() for t in targets]
    expected = (1 - alpha) * entropy + alpha * temperature**2 * np.mean(divergences)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_teacher_like_the_student_teaches_nothing(tmp_path):
    student, logits = net_of(tmp_path), torch.arange(20.0).reshape(2, 10)
    teachers = Teachers([student], student, Recipe(alpha=1.0))
    assert float(teachers.loss(logits, torch.tensor([0, 2]), [logits])) == pytest.approx(0, abs=1e-6)


def test_the_gradient_keeps_its_size_as_the_temperature_grows(tmp_path, rng):
    """Hinton et al.: the gradient of KL falls with 1 / T^2; for large T it is that of half the squared difference."""
    net, (student, teacher) = net_of(tmp_path), rng.standard_normal((2, 2, 10))
    logits = torch.tensor(student, requires_grad=True)
    teachers = Teachers([net], net, Recipe(temperature=1000.0, alpha=1.0))
    teachers.loss(logits, torch.tensor([0, 2]), [torch.tensor(teacher)]).backward()
    centred = [x - x.mean(axis=1, keepdims=True) for x in (student, teacher)]
    # 1 / (classes * images); second-order terms are of order logits / T.
    np.testing.assert_allclose(logits.grad, (centred[0] - centred[1]) / 20, atol=5e-4)


def test_a_teacher_reads_images_by_its_own_transform(tmp_path, rng):
    student = net_of(tmp_path, "transform_param { scale: 0.5 mean_value: 3 mean_value: 4 mean_value: 5 }")
    teacher = net_of(tmp_path, "transform_param { scale: 0.25 mean_value: 7 } xdn_param { std: 1 std: 2 std: 4 }")
    pixels = rng.integers(0, 256, (4, 3, 12, 12)).astype(np.float32)
    read = (pixels - np.array([3, 4, 5], np.float32)[:, None, None]) * 0.5
    theirs = (pixels - 7) * 0.25 / np.array([1, 2, 4], np.float32)[:, None, None]
    (found,) = Teachers([teacher], student, Recipe()).logits(torch.from_numpy(read))
    expected = NetModule(teacher).eval()(torch.from_numpy(theirs.astype(np.float32)))
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-4)


def test_no_gradient_flows_into_a_teacher(tmp_path):
    net = net_of(tmp_path)
    (found,) = Teachers([net], net, Recipe()).logits(torch.zeros(2, 3, 12, 12))
    assert not found.requires_grad


@pytest.mark.parametrize(
    "changed", [("num_output: 10", "num_output: 11"), ("dim: 12 dim: 12", "dim: 14 dim: 14")], ids=["classes", "size"]
)
def test_a_teacher_of_something_else_is_refused(tmp_path, changed):
    with pytest.raises(DataError, match=r"the teacher 'small' reads .* the student reads"):
        Teachers([net_of(tmp_path, text=PROTOTXT.replace(*changed))], net_of(tmp_path), Recipe())
