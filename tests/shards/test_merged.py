"""One result of all parts."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluate.building import Stripes
from tests.shards.building import BLOCK, IMAGES, folder_of, session, stripes_work
from xdn.errors import ParseError
from xdn.evaluate.accuracy import measured
from xdn.evaluate.answers import answers
from xdn.shards.merged import merged


def test_the_accuracy_is_that_of_the_whole(tmp_path):
    data = Stripes()
    data.labels[3] = (data.labels[3] + 1) % 3
    work = replace(stripes_work(), images=data)
    result = merged(folder_of(work, tmp_path))
    whole = answers(session(), data.images(), work.transform)
    assert result.accuracy == measured(data.labels, whole.classes, whole.scores, data.classes)
    assert (result.accuracy.correct, result.images, result.parts) == (IMAGES - 1, IMAGES, 4)


def test_workers_are_told_apart(tmp_path):
    work = stripes_work()
    folder = folder_of(work, tmp_path)
    part = work.part(folder.run.blocks()[0], folder.run.digest)
    replace(part, facts=replace(part.facts, worker="other:1", began=0.0, seconds=5.0)).write(folder.path)
    result = merged(folder)
    assert [(each.parts, each.images) for each in result.workers] in ([(1, 20), (3, 50)], [(3, 50), (1, 20)])
    assert result.longest_s == 5.0
    assert result.busy_s > 5.0
    assert result.images_per_s == IMAGES / 5.0


def test_a_net_that_tells_no_classes_has_no_accuracy(tmp_path):
    result = merged(folder_of(stripes_work(scored=False), tmp_path))
    assert result.accuracy is None
    assert result.images == IMAGES


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": {}}, "no scores of classes"),
        ({"labels": np.full(BLOCK, 3, np.int32)}, "labels beyond 3 classes"),
        ({"labels": np.full(BLOCK, -1, np.int32)}, "labels beyond 3 classes"),
        ({"columns": {"class": np.full(BLOCK, 0.5), "scores": np.zeros((BLOCK, 3))}}, "classes that are none"),
        ({"columns": {"class": np.full(BLOCK, -2), "scores": np.zeros((BLOCK, 3))}}, "classes that are none"),
    ],
)
def test_a_part_that_says_something_else_is_refused(changed, said, tmp_path):
    work = stripes_work()
    folder = folder_of(work, tmp_path)
    part = work.part(folder.run.blocks()[1], folder.run.digest)
    replace(part, **changed).write(folder.path)
    with pytest.raises(ParseError, match=rf"images 20\.\.39: the part has {said}"):
        merged(folder)
