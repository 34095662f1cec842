"""What all tests share: where outside material lies, and a seeded generator."""

import gc
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

#: The same examples on every run: what fails once fails again, and slow machines fail nothing.
hypothesis_settings.register_profile("xdn", derandomize=True, deadline=None)
hypothesis_settings.load_profile("xdn")

ROOT = Path(__file__).resolve().parent.parent
MATERIAL = Path(os.environ.get("XDN_TEST_MATERIAL") or ROOT.parent / "shared")

#: Rules choose for a stored machine: the same on each machine that runs the tests, and nothing is measured.
os.environ["XDN_MACHINE"] = str(ROOT / "tests" / "kernels" / "machine" / "zen4.json")

#: What is `tiny`, as folders and modules: texts become nets, and nets have shapes; no kernel, no oracle, no data set.
TINY = (
    "tests/graph",
    "tests/frontend/caffe/test_build.py",
    "tests/frontend/caffe/text/test_diagnosis.py",
    "tests/frontend/caffe/weights/test_fillers.py",
    "tests/frontend/caffe/test_naming.py",
    "tests/frontend/caffe/test_phase.py",
    "tests/frontend/test_solver.py",
    "tests/frontend/caffe/images/test_suggest.py",
    "tests/frontend/test_tokens.py",
    "tests/frontend/caffe/dialects/test_upgrade.py",
    "tests/frontend/caffe/weights/test_assign.py",
    "tests/frontend/test_weights.py",
    "tests/frontend/test_wire.py",
    "tests/layers/test_base.py",
    "tests/layers/test_filters.py",
    "tests/layers/test_rowmajor.py",
    "tests/optimize/test_bypass.py",
    "tests/optimize/test_match.py",
    "tests/test_errors.py",
    "tests/test_registry.py",
    "tests/test_settings.py",
)


#: What paths and tests name whose matrices are large; from how many cases on a part of them is run, and which part.
MATRICES = (
    *("integers", "bf16", "word", "blobs", "contract/matrix", "winograd", "strassen", "isa_matrix"),
    *("whole/test_recurrent", "every_activation", "every_choice"),
)
LEAST_CASES, ONE_OF = 8, 5

#: Bytes up to this many are shown in the name of a case.
LONGEST_SHOWN = 16


@cache
def _is_tiny(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / each) for each in TINY)


def pytest_ignore_collect(collection_path, config):
    """Do not even import what `-m tiny` leaves out: that takes longer than the tests."""
    if config.option.markexpr == "tiny" and collection_path.is_file() and not _is_tiny(collection_path):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let Python look for cycles neither while tests are collected nor, later, among what was: none of it is freed."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_make_parametrize_id(val, argname):
    """Name a case after long bytes' parameter: a compressor may write the time into them, which differs by process."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_SHOWN else None


def pytest_xdist_auto_num_workers(config):
    """Run what is tiny in one process: it is done before others have imported what they need."""
    return 0 if config.option.markexpr == "tiny" else None


def _values(item):
    """Return what a case shows: each parameter with its value; of a row, which is a mapping, each of its own."""
    rows = ({name: value} | (value if isinstance(value, dict) else {}) for name, value in item.callspec.params.items())
    return {(name, repr(value)) for row in rows for name, value in row.items()}


def _part_of(cases):
    """Return one in `ONE_OF` cases of a matrix, or as many more as show each value that several cases have.

    First the case that shows most that is new, until nothing is; then cases evenly among all.
    """
    values = {case: _values(case) for case in cases}
    known = Counter(chain.from_iterable(values.values()))
    unseen, part = {value for value, count in known.items() if count > 1}, set()
    while unseen:
        part.add(best := max(cases, key=lambda case: len(values[case] & unseen)))
        unseen -= values[best]
    others = [case for case in cases[::ONE_OF] if case not in part]
    return part.union(others[: max(0, len(cases) // ONE_OF - len(part))])


def _left_out(items):
    """Return those cases of each matrix that `MATRICES` names which are not of its part, unless all are asked for.

    Their machine code takes minutes to make: for each type, format, target, size, end and activation.
    """
    if os.environ.get("XDN_FULL_MATRIX") == "1":
        return set()
    matrices = defaultdict(list)
    for item in items:
        matrix = f"{item.path.relative_to(ROOT).as_posix()}::{getattr(item, 'originalname', item.name)}"
        if matrix.startswith("tests/kernels/") and any(word in matrix for word in MATRICES):
            matrices[matrix].append(item)
    large = [found for found in matrices.values() if len(found) >= LEAST_CASES]
    return {item for cases in large for item in set(cases).difference(_part_of(cases))}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark the tests that are tiny, and those that need PyTorch: those of training, and modules that name it.

    Of large matrices only a part is run.
    """
    left_out = _left_out(items)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if "torch" in vars(item.module) or item.path.is_relative_to(ROOT / "tests" / "train"):
            item.add_marker("torch")
        if _is_tiny(item.path) and not any(item.iter_markers("torch")):
            item.add_marker("tiny")


def _encodable(value):
    """Return plain data whose lone surrogates, which UTF-8 does not know, are written as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_encodable, value))
    return value


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable():
    """Let any report pass from a worker of pytest-xdist to the terminal, whatever a test has logged or compared."""
    return _encodable((yield))


def _material(*parts: str) -> Path:
    path = MATERIAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"outside test material is not here: {path} (set XDN_TEST_MATERIAL)")
    return path


@pytest.fixture(scope="session")
def material():
    """Return a function: path parts -> a path in the outside material; skips where it is missing."""
    return _material


@pytest.fixture(autouse=True)
def torch_in_one_thread():
    """Let PyTorch compute in one thread: as many processes test as there are cores, and more threads wait in turns."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def rng():
    """Return a seeded random generator."""
    return np.random.default_rng(20190625)


@pytest.fixture(scope="session", autouse=True)
def kernels():
    """Return the folder of kernels, which all tests share: this process's own are settled before a test has a cache."""
    from xdn.codegen.loader import process_loader

    return process_loader().cache.folder


@pytest.fixture
def own_cache(tmp_path, monkeypatch, kernels):
    """Give the test a cache folder of its own, and with it a store; this process's compiled kernels stay shared."""
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def own_cache_of_processes(own_cache, tmp_path, kernels):
    """Do so for a test that starts processes, which share compiled kernels, too.

    A folder that is a link is no cache: each file is linked, and new ones are linked back.
    """
    folder = tmp_path / "cache" / "kernels" / kernels.name
    folder.mkdir(mode=0o700, parents=True)
    _link_kernels(kernels, folder)
    yield
    _link_kernels(folder, kernels)


def _link_kernels(source, target):
    """Make the kernels of a folder those of another one, too; on another disk they are compiled again."""
    for path in source.glob("*.o"):
        with suppress(OSError):
            os.link(path, target / path.name)


@pytest.fixture
def emulated(monkeypatch):
    """Return the target whose tile unit is emulated, for which all sessions make their plans meanwhile."""
    from xdn.codegen.target import host_target, target_named
    from xdn.runtime.cpu import backend, plan

    target = replace(target_named("amx-emulated"), core_cache_bytes=host_target().core_cache_bytes)
    for module, name in ((plan, "host_target"), (backend, "host_target"), (backend, "this_target")):
        monkeypatch.setattr(module, name, lambda: target)
    return target


@pytest.fixture(scope="session")
def cifar10(material, tmp_path_factory):
    """Return the folder in which the official CIFAR-10 was rebuilt from the outside material."""
    script, folder = material("cifar10", "restore.py"), tmp_path_factory.mktemp("cifar10")
    subprocess.run([sys.executable, script, "--out", folder], check=True, capture_output=True)
    return str(folder)


@contextmanager
def folder_without_rights(*fill) -> Iterator[Path]:
    """Give a folder in which nothing can be written, after each of `fill` has written to it; for root, too."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid() if hasattr(os, "geteuid") else None
        for each in fill:
            each(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if user == 0:
                os.seteuid(0)
            folder.chmod(0o755)
