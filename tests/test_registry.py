"""The registry: discovery by import, unknown names with the nearest known, and listings."""

import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

from xdn.errors import UnknownNameError
from xdn.registry import Registry, nearest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package whose modules register themselves, and return its registry."""
    folder = tmp_path / "sample_things"
    folder.mkdir()
    (folder / "__init__.py").write_text("from xdn.registry import Registry\nTHINGS = Registry('thing', __name__)\n")
    for name in ("Beta", "Alpha"):
        text = f'''
            from sample_things import THINGS

            @THINGS.register("{name}", "Old{name}")
            class {name}:
                """{name}: the first line.

                More.
                """
            '''
        (folder / f"{name.lower()}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__("sample_things").THINGS
    for module in [m for m in sys.modules if m.partition(".")[0] == "sample_things"]:
        del sys.modules[module]


def test_modules_are_found_at_the_first_look(package):
    assert "sample_things.alpha" not in sys.modules
    assert package["Alpha"].__name__ == "Alpha"
    assert "sample_things.beta" in sys.modules


@pytest.mark.parametrize("deep", [True, False])
def test_modules_of_packages_within_are_found_where_that_is_asked(package, tmp_path, deep):
    inner = tmp_path / "sample_things" / "inner"
    inner.mkdir()
    for path in (inner / "__init__.py", inner / "gamma.py"):
        path.write_text("")
    list(Registry("thing", "sample_things", deep=deep))
    assert "sample_things.inner" in sys.modules
    assert ("sample_things.inner.gamma" in sys.modules) == deep


def test_names_are_sorted_whatever_the_order_of_import(package):
    assert list(package) == ["Alpha", "Beta", "OldAlpha", "OldBeta"]
    assert [name for name, _ in package.items()] == list(package)
    assert package["OldAlpha"] is package["Alpha"]


def test_membership(package):
    assert "Beta" in package
    assert "beta" not in package
    assert 3 not in package


def test_a_name_that_may_be_unknown(package):
    assert package.get("OldBeta") is package["Beta"]
    assert package.get("beta") is None


def test_description_is_the_first_line(package):
    assert package.describe()[:2] == [("Alpha", "Alpha: the first line."), ("Beta", "Beta: the first line.")]


def test_an_entry_without_docstring_is_listed(package):
    package.register("Zeta")(type("Zeta", (), {}))
    assert package.describe()[-1] == ("Zeta", "")


def test_an_unknown_name_lists_the_nearest(package):
    with pytest.raises(UnknownNameError, match=r"unknown thing 'alpah'.*nearest known: Alpha"):
        package["alpah"]


def test_an_unknown_name_like_none_lists_all(package):
    with pytest.raises(UnknownNameError, match="Known: Alpha, Beta, OldAlpha, OldBeta"):
        package["####"]


def test_a_name_is_registered_once(package):
    with pytest.raises(ValueError, match="thing 'Alpha' is registered twice"):
        list(package) and package.register("Alpha")(object)


def test_nearest_ignores_case_and_is_limited():
    known = ["Convolution", "Deconvolution", "Concat", "ReLU", "PReLU"]
    assert nearest("relu", known)[0] == "ReLU"
    assert nearest("CONVOLUTON", known, limit=1) == ["Convolution"]
    assert nearest("xyz", known) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Conv", ["Convolution"]),
        ("BatchNormalization", ["BatchNorm"]),
        ("AVG", ["AVE"]),
        ("Dropot", ["Dropout"]),
        ("Softmaxx", ["Softmax"]),
        ("LSTM", []),
        ("GroupNorm", []),
        ("LayerNorm", []),
        ("Correlation", []),
    ],
)
def test_only_what_a_name_may_be_meant_for_is_near(name, found):
    assert nearest(name, ["Softmax", "Dropout", "BatchNorm", "Convolution", "Concat", "AVE", "MAX"]) == found


def test_a_module_that_fails_to_import_fails_at_every_look(package, tmp_path):
    broken = tmp_path / "sample_things" / "broken.py"
    broken.write_text("raise ImportError('broken')\n")
    for _ in range(2):
        with pytest.raises(ImportError, match="broken"):
            list(package)
    broken.write_text("")
    assert "Alpha" in package


def test_threads_that_look_at_once_see_all_names(package, tmp_path):
    (tmp_path / "sample_things" / "slow.py").write_text("import time\ntime.sleep(0.2)\n")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: list(package), range(4)))
    assert found == [["Alpha", "Beta", "OldAlpha", "OldBeta"]] * 4


def test_what_is_forgotten_is_unknown(package):
    registry = package
    names = list(registry)
    registry.forget([names[0], "nothing"])
    assert list(registry) == names[1:]
