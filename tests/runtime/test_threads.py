"""How many threads: affinity, quota and flags of this process."""

import math
import os

import pytest

from xdn.errors import SettingError
from xdn.runtime import threads


@pytest.fixture(autouse=True)
def _no_flags(monkeypatch):
    monkeypatch.delenv("XDN_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_affinity_is_honoured():
    before = os.sched_getaffinity(0)
    assert threads.affinity_cpus() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads.affinity_cpus() == 1
        assert threads.default_threads() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("max 100000\n", math.inf), ("200000 100000\n", 2), ("150000 100000\n", 1.5), ("50000 100000", 0.5)],
)
def test_quota_of_cgroup_v2(tmp_path, text, cpus):
    (tmp_path / "cpu.max").write_text(text)
    assert threads.quota_cpus(tmp_path / "cpu.max", tmp_path / "none") == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"), [("-1", "100000", math.inf), ("300000", "100000", 3), ("5", "0", math.inf)]
)
def test_quota_of_cgroup_v1(tmp_path, quota, period, cpus):
    (tmp_path / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu.cfs_period_us").write_text(period + "\n")
    assert threads.quota_cpus(tmp_path / "none", tmp_path) == cpus


@pytest.mark.parametrize("text", ["", "garbage", "1 2 3", "a b"])
def test_a_quota_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "cpu.max").write_text(text)
    (tmp_path / "cpu.cfs_quota_us").write_text(text)
    assert threads.quota_cpus(tmp_path / "cpu.max", tmp_path) == math.inf


@pytest.mark.parametrize(
    ("cpus", "quota", "expected"), [(8, 0.5, 1), (8, 1.0, 1), (8, 2.5, 2), (8, math.inf, 8), (2, 4.0, 2)]
)
def test_the_default_is_the_least_of_both_and_at_least_one(monkeypatch, cpus, quota, expected):
    monkeypatch.setattr(threads, "affinity_cpus", lambda: cpus)
    monkeypatch.setattr(threads, "quota_cpus", lambda: quota)
    assert threads.default_threads() == expected


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("3,2", 3), (" 5 , 1", 5)])
def test_omp_num_threads(monkeypatch, text, count):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.default_threads() == count


def test_xdn_threads_comes_first(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("XDN_THREADS", "5")
    assert threads.default_threads() == 5
    monkeypatch.setenv("XDN_THREADS", "")
    assert threads.default_threads() == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "2.5"])
def test_a_flag_that_is_no_number_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(SettingError, match=f"OMP_NUM_THREADS='{text}'"):
        threads.default_threads()


def test_a_given_number_is_checked():
    assert threads.checked_threads(4) == 4
    assert threads.checked_threads(None) == threads.default_threads()
    with pytest.raises(SettingError, match="0 threads; at least 1"):
        threads.checked_threads(0)
