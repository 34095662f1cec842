"""Distillation: the loss against the outputs of teachers, which read the same images by their own transforms."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.errors import DataError
from xdn.frontend.solver import Recipe
from xdn.graph import Net
from xdn.train.data import input_shape, pixel_transform
from xdn.train.module import NetModule


class Teachers:
    """Trained nets whose outputs a student learns beside the labels.

    Parameters
    ----------
    nets : sequence of Net
        With weights.
    student : Net
        The net that is trained, whose transform the images have had.
    recipe : Recipe
        Temperature, the teachers' share of the loss, label smoothing.

    Raises
    ------
    DataError
        Where a teacher reads other images, or gives other classes, than the student.
    """

    def __init__(self, nets: Sequence[Net], student: Net, recipe: Recipe):
        self.recipe = recipe
        self.digests = [net.digest for net in nets]
        self._taught = [(NetModule(net).eval().requires_grad_(False), *_retransform(student, net)) for net in nets]

    @torch.no_grad()
    def logits(self, images: Tensor) -> list[Tensor]:
        """Return the outputs (N, K) of each teacher on `images` (N, C, H, W) as the student reads them."""
        return [module(images * factor + shift) for module, factor, shift in self._taught]

    def loss(self, logits: Tensor, labels: Tensor, outputs: list[Tensor]) -> Tensor:
        """Return the mean over the batch of (1 - alpha) * CE(labels) + alpha * T^2 * mean_i KL(teacher_i || student).

        Both sides of KL are the softmax of logits / T; T^2 keeps the gradients' size as T changes. The source is
        Hinton, Vinyals and Dean 2015. It is computed in f32.

        Parameters
        ----------
        logits : (N, K)
            The student's.
        labels : (N,) int64
        outputs : list of (N, K)
            As `logits` gives them.
        """
        recipe = self.recipe
        entropy = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        student = F.log_softmax(logits.float() / recipe.temperature, 1)
        loss = (1 - recipe.alpha) * entropy
        for output in outputs:
            target = F.log_softmax(output.float() / recipe.temperature, 1)
            divergence = F.kl_div(student, target, reduction="batchmean", log_target=True)
            loss = loss + recipe.alpha * recipe.temperature**2 * divergence / len(outputs)
        return loss


def _retransform(student: Net, teacher: Net) -> tuple[Tensor, Tensor]:
    """Return the factor and the shift (C, 1, 1) that turn what the student reads into what the teacher reads."""
    shapes = [(input_shape(net), net.blobs[net.outputs[0]].shape[1]) for net in (student, teacher)]
    if shapes[0] != shapes[1]:
        what = "the teacher {!r} reads {} and gives {} classes; the student reads {} and gives {}"
        raise DataError(what.format(teacher.name, *shapes[1], *shapes[0]))
    own, theirs = (pixel_transform(net, (*shapes[0][0][1:], shapes[0][0][0]), crop=False) for net in (student, teacher))
    if any(transform.mean.shape[1:] != (1, 1) for transform in (own, theirs)):
        if not (np.array_equal(own.mean, theirs.mean) and np.array_equal(own.factor, theirs.factor)):
            raise DataError(f"the teacher {teacher.name!r} has another mean image than the student")
        return torch.ones(1, 1, 1), torch.zeros(1, 1, 1)
    factor = (theirs.factor / own.factor)[:, None, None]
    shift = (own.mean - theirs.mean) * theirs.factor[:, None, None]
    return torch.from_numpy(factor), torch.from_numpy(shift)
