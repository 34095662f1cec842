"""The cluster, where there is one and where there is none."""

import pytest

from xdn.errors import MissingExtraError, SettingError
from xdn.ray import connected, map_batches
from xdn.ray.cluster import ray_module, room
from xdn.ray.workers import worker_options, workers_of


def test_without_ray_the_extra_is_named():
    with pytest.raises(MissingExtraError, match=r"pip install 'xdn\[ray\]'"):
        ray_module("ray_that_nobody_installed")


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    class Absent:
        @staticmethod
        def is_initialized():
            """Tell that no cluster was joined."""
            return False

        @staticmethod
        def init(address, **options):
            """Find nobody."""
            raise ConnectionError(f"nobody at {address}")

    monkeypatch.setattr("xdn.ray.cluster.ray_module", lambda name="ray": Absent)
    with pytest.raises(SettingError, match="--ray far:1: there is no cluster: nobody at far:1"), connected("far:1"):
        pass


def test_workers_fit_into_the_cluster(monkeypatch):
    class Small:
        cluster_resources = staticmethod(lambda: {"CPU": 7.0})
        ActorPoolStrategy = staticmethod(lambda size: size)

    monkeypatch.setattr("xdn.ray.cluster.ray_module", lambda name="ray": Small)
    monkeypatch.setattr("xdn.ray.workers.ray_module", lambda name="ray": Small)
    assert (room(1), room(2), room(7)) == (7, 3, 1)
    assert [workers_of(2, asked) for asked in (None, 1, 9)] == [3, 1, 3]
    assert worker_options(2, 3) == {"compute": 3, "num_cpus": 2, "batch_format": "numpy"}
    assert [room(threads, 1) for threads in (1, 2, 6)] == [6, 3, 1]
    with pytest.raises(SettingError, match="the cluster has 7 processors, of which 1 must stay free to read images"):
        room(7, 1)
    with pytest.raises(SettingError, match="a worker of 8 threads has no room: the cluster has 7 processors"):
        room(8)


def test_the_public_calls_are_explained():
    assert all(each.__doc__ for each in (connected, map_batches))
