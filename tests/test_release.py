"""What a release is checked for; building and installing one takes too long for a test."""

import io
import re
import tarfile
import zipfile

import pytest

from tests.conftest import ROOT
from xdn.version import VERSION


@pytest.fixture
def contents(monkeypatch):
    """Return the module that checks what distributions hold."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import release_contents

    return release_contents


def distributions(folder, contents, extra=(), missing=()):
    """Write a wheel and a source distribution of what they should hold, more or less; return their paths."""
    wheel, sdist = folder / "x.whl", folder / "x.tar.gz"
    files = (contents.expected() | set(extra)) - set(missing)
    with zipfile.ZipFile(wheel, "w") as made:
        for name in (*files, "x.dist-info/METADATA"):
            made.writestr(name.replace("prototxt/", "xdn/shipped/", 1), "")
    with tarfile.open(sdist, "w:gz") as made:
        for name in (*files, *contents.SOURCES, "PKG-INFO"):
            made.addfile(tarfile.TarInfo(f"xdn-1/{name}"), io.BytesIO())
    return str(wheel), str(sdist)


def test_what_should_be_there_is_all_that_is_there(tmp_path, contents, capsys):
    assert contents.main(*distributions(tmp_path, contents)) == 0
    assert "hold the" in capsys.readouterr().out
    assert {"xdn/py.typed", "xdn/report/result-1.schema.json", "prototxt/README.md"} <= contents.expected()


def test_what_is_missing_or_too_much_is_told(tmp_path, contents, capsys):
    wrong = distributions(tmp_path, contents, ["tests/test_x.py"], ["xdn/py.typed"])
    assert contents.main(*wrong) == 1
    out = capsys.readouterr().out
    for name in ("wheel", "sdist"):
        assert f"{name}: xdn/py.typed is missing" in out
        assert f"{name}: tests/test_x.py should not be there" in out


def test_the_change_log_names_the_version():
    assert re.search(rf"^## {re.escape(VERSION)}", (ROOT / "CHANGELOG.md").read_text(), re.M)
