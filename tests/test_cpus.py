"""Processors of this process: affinity and quota."""

import math
import os
import platform

import pytest

from xdn import cpus


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_affinity_is_honoured():
    before = os.sched_getaffinity(0)
    assert cpus.affinity_cpus() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cpus.affinity_cpus() == 1
        assert cpus.available_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000\n", math.inf), ("200000 100000\n", 2), ("150000 100000\n", 1.5), ("50000 100000", 0.5)],
)
def test_quota_of_cgroup_v2(tmp_path, text, expected):
    (tmp_path / "cpu.max").write_text(text)
    assert cpus.quota_cpus(tmp_path / "cpu.max", tmp_path / "none") == expected


@pytest.mark.parametrize(
    ("quota", "period", "expected"), [("-1", "100000", math.inf), ("300000", "100000", 3), ("5", "0", math.inf)]
)
def test_quota_of_cgroup_v1(tmp_path, quota, period, expected):
    (tmp_path / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu.cfs_period_us").write_text(period + "\n")
    assert cpus.quota_cpus(tmp_path / "none", tmp_path) == expected


@pytest.mark.parametrize("text", ["", "garbage", "1 2 3", "a b"])
def test_a_quota_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "cpu.max").write_text(text)
    (tmp_path / "cpu.cfs_quota_us").write_text(text)
    assert cpus.quota_cpus(tmp_path / "cpu.max", tmp_path) == math.inf


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"), [(8, 0.5, 1), (8, 1.0, 1), (8, 2.5, 2), (8, math.inf, 8), (2, 4.0, 2)]
)
def test_the_default_is_the_least_of_both_and_at_least_one(monkeypatch, affinity, quota, expected):
    monkeypatch.setattr(cpus, "affinity_cpus", lambda: affinity)
    monkeypatch.setattr(cpus, "quota_cpus", lambda: quota)
    assert cpus.available_cpus() == expected


def _told(folder, index, **files):
    (folder / f"index{index}").mkdir(parents=True)
    for name, text in files.items():
        (folder / f"index{index}" / name).write_text(text + "\n")


def test_caches_are_those_for_data_the_nearest_first(tmp_path, monkeypatch):
    monkeypatch.setattr(cpus, "_affinity", lambda: {2, 3, 8})
    folder = tmp_path / "cpu2" / "cache"
    _told(folder, 0, level="3", type="Unified", size="36M", shared_cpu_list="0-3,8-11")
    _told(folder, 1, level="1", type="Data", size="48K", shared_cpu_list="2,14")
    _told(folder, 2, level="1", type="Instruction", size="32K", shared_cpu_list="2,14")
    _told(folder, 3, level="2", type="Unified", size="2097152", shared_cpu_list="2-3")
    _told(folder, 4, level="4", type="Unified", size="big", shared_cpu_list="2")
    _told(folder, 5, level="5")
    found = [cpus.Cache(1, 48 << 10, 1), cpus.Cache(2, 2 << 20, 2), cpus.Cache(3, 36 << 20, 3)]
    assert cpus.caches(tmp_path) == found
    assert cpus.caches(tmp_path / "nowhere") == []


def test_the_processors_name(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC 9654: a test\n")
    assert cpus.processor_name(tmp_path / "cpuinfo") == "AMD EPYC 9654: a test"
    assert cpus.processor_name(tmp_path / "none") == (platform.processor() or platform.machine())
