"""Environment flags: folders and positive integers."""

from pathlib import Path

import pytest

from xdn import settings
from xdn.errors import SettingError


@pytest.mark.parametrize(("flag", "folder"), [("XDN_CACHE", settings.cache_dir), ("XDN_DATA", settings.data_dir)])
def test_folders(monkeypatch, tmp_path, flag, folder):
    monkeypatch.setenv(flag, str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(flag, "~/here")
    assert folder() == tmp_path / "here"
    for unset in (lambda: monkeypatch.setenv(flag, ""), lambda: monkeypatch.delenv(flag)):
        unset()
        assert folder() == tmp_path / ".cache" / "xdn"


def test_shipped_networks_lie_beside_the_package():
    assert settings.shipped_dir() == Path(settings.__file__).parent.parent / "prototxt"


def test_a_flag_that_is_not_set(monkeypatch):
    monkeypatch.delenv("XDN_SAMPLE", raising=False)
    assert settings.positive_int("XDN_SAMPLE") is None
    monkeypatch.setenv("XDN_SAMPLE", "")
    assert settings.positive_int("XDN_SAMPLE") is None


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("16", 16), ("4,2", 4), (" 3 ", 3)])
def test_positive_integers(monkeypatch, text, value):
    monkeypatch.setenv("XDN_SAMPLE", text)
    assert settings.positive_int("XDN_SAMPLE") == value


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ",2", "²"])
def test_anything_else_is_refused(monkeypatch, text):
    monkeypatch.setenv("XDN_SAMPLE", text)
    with pytest.raises(SettingError, match=r"XDN_SAMPLE.*not a positive integer.*Unset"):
        settings.positive_int("XDN_SAMPLE")
