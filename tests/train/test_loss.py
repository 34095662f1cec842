"""Losses against values computed by hand, in NumPy and f64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from xdn.errors import SettingError
from xdn.train.loss import distillation_loss, smoothed_labels

LOGITS = np.array([[1.0, 2.0, -1.0], [0.5, -0.5, 3.0]])
TEACHERS = [np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 4.0]]), np.array([[-1.0, 3.0, 0.5], [1.0, 0.0, 1.0]])]
LABELS = np.array([0, 2])


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def cross_entropy():
    return -log_softmax(LOGITS)[np.arange(2), LABELS].mean()


def divergence(teacher, temperature):
    """KL(teacher || student), the mean over the batch."""
    p, q = log_softmax(teacher / temperature), log_softmax(LOGITS / temperature)
    return (np.exp(p) * (p - q)).sum(axis=1).mean()


def loss(*teachers, **options):
    made = [torch.tensor(teacher, dtype=torch.float32) for teacher in teachers]
    return distillation_loss(torch.tensor(LOGITS, dtype=torch.float32), torch.tensor(LABELS), made, **options).item()


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_one_teacher(temperature, alpha):
    expected = (1 - alpha) * cross_entropy() + alpha * temperature**2 * divergence(TEACHERS[0], temperature)
    assert loss(TEACHERS[0], temperature=temperature, alpha=alpha) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("weights", "shares"), [(None, (0.5, 0.5)), ((3, 1), (0.75, 0.25)), ((0, 2), (0, 1))])
def test_several_teachers(weights, shares):
    taught = sum(share * divergence(teacher, 2.0) for share, teacher in zip(shares, TEACHERS, strict=True))
    expected = 0.4 * cross_entropy() + 0.6 * 4 * taught
    assert loss(*TEACHERS, weights=weights, temperature=2.0, alpha=0.6) == pytest.approx(expected, rel=1e-5)


def test_a_teacher_like_the_student_teaches_nothing():
    assert loss(LOGITS, alpha=1.0) == pytest.approx(0, abs=1e-6)


def test_no_teacher_is_cross_entropy():
    assert loss(alpha=0.0) == pytest.approx(cross_entropy(), rel=1e-6)


def test_smoothed_labels():
    found = smoothed_labels(torch.tensor(LABELS), 3, 0.3)
    np.testing.assert_allclose(found, [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], rtol=1e-6)
    logits = torch.tensor(LOGITS)
    expected = F.cross_entropy(logits, torch.tensor(LABELS), label_smoothing=0.3)
    torch.testing.assert_close(distillation_loss(logits, found, [], alpha=0.0), expected.float())


def test_the_gradient_keeps_its_size_as_the_temperature_grows():
    """Hinton et al.: the gradient of KL falls with 1 / T^2; for large T it is that of half the squared difference."""
    logits = torch.tensor(LOGITS, requires_grad=True)
    distillation_loss(logits, torch.tensor(LABELS), [torch.tensor(TEACHERS[0])], None, 1000.0, 1.0).backward()
    student, teacher = (x - x.mean(axis=1, keepdims=True) for x in (LOGITS, TEACHERS[0]))
    # 1 / (classes * images); second-order terms are of order logits / T.
    np.testing.assert_allclose(logits.grad, (student - teacher) / 6, atol=5e-3)


def test_no_gradient_flows_into_a_teacher():
    teacher = torch.tensor(TEACHERS[0], requires_grad=True)
    assert not distillation_loss(torch.tensor(LOGITS), torch.tensor(LABELS), [teacher]).requires_grad


@pytest.mark.parametrize(
    ("teachers", "options", "message"),
    [
        (1, {"temperature": 0}, "temperature 0"),
        (1, {"alpha": 1.5}, "alpha 1.5"),
        (0, {"alpha": 0.5}, "no teacher"),
        (2, {"weights": (1,)}, "2 teachers"),
        (2, {"weights": (1, -1)}, "none negative"),
        (2, {"weights": (0, 0)}, "not all 0"),
    ],
)
def test_options_that_cannot_be_used(teachers, options, message):
    with pytest.raises(SettingError, match=message):
        loss(*TEACHERS[:teachers], **options)


def test_a_smoothing_that_cannot_be_used():
    with pytest.raises(SettingError, match="between 0 and 1"):
        smoothed_labels(torch.tensor(LABELS), 3, 1.5)
