"""Processors of this process: affinity and quota."""

import math
import os

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
