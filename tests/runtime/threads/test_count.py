"""How many threads: affinity, quota and flags of this process."""

import math
import os

import pytest

from xdn import settings
from xdn.errors import SettingError
from xdn.runtime.threads import count as threads


@pytest.fixture(autouse=True)
def _no_flags(monkeypatch):
    monkeypatch.delenv("XDN_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads.warn_once.cache_clear()


@pytest.fixture
def eight_cpus(monkeypatch):
    """Let the machine have eight processors."""
    monkeypatch.setattr(threads, "affinity_cpus", lambda: 8)
    monkeypatch.setattr(threads, "quota_cpus", lambda: math.inf)


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
def test_omp_num_threads(monkeypatch, eight_cpus, text, count):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert threads.default_threads() == count


def test_xdn_threads_comes_first(monkeypatch, eight_cpus):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("XDN_THREADS", "5")
    assert threads.default_threads() == 5
    monkeypatch.setenv("XDN_THREADS", "")
    assert threads.default_threads() == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "2.5"])
def test_a_flag_that_is_not_a_number_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    with pytest.raises(SettingError, match=f"OMP_NUM_THREADS='{text}'"):
        threads.default_threads()


@pytest.mark.parametrize("flag", ["XDN_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_gets_no_more_threads_than_there_are_processors(monkeypatch, eight_cpus, caplog, flag):
    monkeypatch.setenv(flag, "99999")
    assert threads.default_threads() == 8
    assert threads.default_threads() == 8
    (record,) = caplog.records
    assert f"{flag} asks for 99999 threads; 8 processors are available" in record.getMessage()


def test_a_given_number_is_checked(eight_cpus, caplog):
    assert threads.checked_threads(4) == 4
    assert threads.checked_threads(None) == threads.default_threads()
    assert not caplog.records
    for count in (0, -1, settings.MAX_THREADS + 1, 99999):
        with pytest.raises(SettingError, match=f"{count} threads; 1 to {settings.MAX_THREADS} are possible"):
            threads.checked_threads(count)


def test_more_threads_than_processors_are_a_warning(eight_cpus, caplog):
    for _ in range(2):
        assert threads.checked_threads(9) == 9
    (record,) = caplog.records
    assert "9 threads are asked for; 8 processors are available" in record.getMessage()


def test_a_thread_that_the_system_does_not_start_is_named():
    with pytest.raises(SettingError, match="does not start 7 threads"), threads.starting_threads(7):
        raise RuntimeError("can't start new thread")
    with pytest.raises(RuntimeError, match="else"), threads.starting_threads(7):
        raise RuntimeError("something else")
