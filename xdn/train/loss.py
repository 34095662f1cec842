"""What training minimises: cross entropy, and distillation from teachers."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from xdn.errors import SettingError


def smoothed_labels(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Return (N, K) probabilities: 1 - smoothing for the label and smoothing / K for each class (Szegedy et al. 2016).

    Parameters
    ----------
    labels : (N,) int64
    classes : int
        K.
    smoothing : float
        From 0, which gives one-hot rows, to 1.

    Raises
    ------
    SettingError
        For a smoothing outside these bounds.
    """
    if not 0 <= smoothing <= 1:
        raise SettingError(f"a label smoothing of {smoothing}; it lies between 0 and 1")
    return F.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes


def distillation_loss(
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Sequence[Tensor],
    weights: Sequence[float] | None = None,
    temperature: float = 4.0,
    alpha: float = 0.9,
) -> Tensor:
    """Return the mean over the batch of (1 - alpha) * CE(labels) + alpha * T^2 * sum_i w_i KL(teacher_i || student).

    Both sides of KL are the softmax of logits / T; T^2 keeps the gradients' size as T changes. The source is Hinton,
    Vinyals and Dean 2015. It is computed in f32.

    Parameters
    ----------
    logits : (N, K)
        The student's.
    labels : (N,) int64, or (N, K) probabilities
        See `smoothed_labels`.
    teacher_logits : sequence of (N, K)
        One tensor a teacher; no gradient flows into them.
    weights : sequence of float, optional
        One a teacher, not negative; they are divided by their sum. None for equal ones.
    temperature : float
        T, positive.
    alpha : float
        The teachers' share, from 0 to 1.

    Raises
    ------
    SettingError
        Where the weights, the temperature or alpha cannot be used.
    """
    if temperature <= 0 or not 0 <= alpha <= 1:
        raise SettingError(f"temperature {temperature} and alpha {alpha}; they are positive, and between 0 and 1")
    if alpha and not teacher_logits:
        raise SettingError(f"alpha is {alpha}, but there is no teacher", mend="Name one, or set alpha to 0")
    loss = (1 - alpha) * F.cross_entropy(logits.float(), labels)
    if not alpha:
        return loss
    student = F.log_softmax(logits.float() / temperature, 1)
    for share, teacher in zip(_shares(weights, len(teacher_logits)), teacher_logits, strict=True):
        target = F.log_softmax(teacher.detach().float() / temperature, 1)
        divergence = F.kl_div(student, target, reduction="batchmean", log_target=True)
        loss = loss + alpha * temperature**2 * share * divergence
    return loss


def _shares(weights: Sequence[float] | None, teachers: int) -> list[float]:
    """Return the teachers' weights with the sum 1."""
    given = [1.0] * teachers if weights is None else list(weights)
    total = sum(given)
    if len(given) != teachers or min(given) < 0 or total <= 0:
        raise SettingError(f"weights {given} for {teachers} teachers; one each, none negative, not all 0")
    return [weight / total for weight in given]
