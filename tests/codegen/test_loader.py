"""From kernels to addresses: compiled once, read back by others, never run when damaged or foreign."""

import subprocess
import sys
import threading

import pytest

from tests.codegen.kernels import python, shift_source, shifted, uncompilable
from tests.conftest import ROOT
from xdn.codegen.cache import KernelCache
from xdn.codegen.listening import listening
from xdn.codegen.loader import KernelLoader, process_loader


@pytest.fixture
def warm(tmp_path):
    """Return (folder, source) with the kernel `shift` compiled and kept in the folder."""
    source = shift_source(100)
    loader = KernelLoader(KernelCache(tmp_path / "kernels"))
    assert shifted(loader.address(source)) == [100, 101, 102, 103]
    assert (loader.stats.compiled, loader.stats.from_cache) == (["shift_f32__portable"], [])
    assert loader.stats.compile_s > 0
    assert loader.stats.link_s > 0
    return tmp_path / "kernels", source


def test_a_second_loader_compiles_nothing(warm):
    folder, source = warm
    again = KernelLoader(KernelCache(folder))
    assert shifted(again.address(uncompilable(source.name))) == [100, 101, 102, 103]
    assert (again.stats.compiled, again.stats.from_cache) == ([], [str(source.name)])
    assert again.stats.compile_s == 0
    assert again.stats.link_s > 0


def test_who_listens_hears_of_what_is_compiled_and_of_nothing_else(warm):
    folder, source = warm
    others = [shift_source(7, op="add"), shift_source(8, op="more")]
    told = []
    loader = KernelLoader(KernelCache(folder))
    with listening(lambda *what: told.append(what)):
        loader.prepare([source])
        assert told == []
        loader.prepare([others[0], source, *others])
    names = [str(other.name) for other in others]
    assert told == [(f"compile {names[0]}", 0, 2), (f"compile {names[1]}", 1, 2), ("", 2, 2)]
    assert loader.stats.compiled == names
    assert shifted(loader.address(others[1])) == [8, 9, 10, 11]
    KernelLoader(KernelCache(folder.parent / "empty")).prepare([source])
    assert len(told) == 3


def test_one_address_a_name(warm):
    folder, source = warm
    loader = KernelLoader(KernelCache(folder))
    assert loader.address(source) == loader.address(uncompilable(source.name))
    assert loader.stats.from_cache == [str(source.name)]


@pytest.mark.parametrize("damage", ["flipped", "truncated", "empty"])
def test_damage_is_mended_by_compiling(warm, damage):
    folder, source = warm
    entry = next(folder.rglob("*.o"))
    raw = bytearray(entry.read_bytes())
    if damage == "flipped":
        raw[len(raw) // 2] ^= 1
    entry.write_bytes({"flipped": raw, "truncated": raw[:-10], "empty": b""}[damage])
    loader = KernelLoader(KernelCache(folder))
    assert shifted(loader.address(source)) == [100, 101, 102, 103]
    assert loader.stats.compiled == [str(source.name)]
    mended = KernelLoader(KernelCache(folder))
    assert shifted(mended.address(uncompilable(source.name))) == [100, 101, 102, 103]


def test_nothing_is_run_from_a_folder_that_others_can_write(warm):
    """A valid entry with other code lies under the kernel's name; it must not be taken."""
    folder, source = warm
    KernelCache(folder).folder.chmod(0o777)
    loader = KernelLoader(KernelCache(folder))
    assert shifted(loader.address(shift_source(7))) == [7, 8, 9, 10]
    assert (loader.stats.compiled, loader.stats.from_cache) == ([str(source.name)], [])


def test_two_kernels_with_one_symbol(tmp_path):
    """Numba numbers symbols per process, so kernels of two processes may bear the same one."""
    cache = KernelCache(tmp_path / "kernels")
    loader = KernelLoader(cache)
    loader.address(shift_source(1, op="first"))
    cache.store("second_f32__portable", cache.load("first_f32__portable"))
    again = KernelLoader(cache)
    for op in ("first", "second"):
        assert shifted(again.address(uncompilable(shift_source(1, op=op).name))) == [1, 2, 3, 4]


def test_threads_compile_a_kernel_once(tmp_path):
    loader = KernelLoader(KernelCache(tmp_path / "kernels"))
    source, found = shift_source(3), []
    threads = [threading.Thread(target=lambda: found.append(loader.address(source))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert loader.stats.compiled == [str(source.name)]


def test_a_process_without_numba_runs_what_another_compiled(warm):
    folder, source = warm
    code = """
import sys
from pathlib import Path
from tests.codegen.kernels import shifted, uncompilable
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
loader = KernelLoader(KernelCache(Path(sys.argv[1])))
print(shifted(loader.address(uncompilable(KernelName.parse(sys.argv[2])))), "numba" in sys.modules)
"""
    assert python(code, folder, source.name) == "[100, 101, 102, 103] False"


def test_two_processes_at_once(tmp_path):
    code = """
import sys
from tests.codegen.kernels import shift_source, shifted
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from pathlib import Path
loader = KernelLoader(KernelCache(Path(sys.argv[1])))
sys.stdin.readline()
print([shifted(loader.address(shift_source(i, op=f"k{i}"))) for i in range(4)])
"""
    command = [sys.executable, "-c", code, str(tmp_path / "kernels")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(2)]
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    expected = str([[i, i + 1, i + 2, i + 3] for i in range(4)])
    for process in running:
        assert process.communicate(timeout=120)[0].strip() == expected
    loader = KernelLoader(KernelCache(tmp_path / "kernels"))
    for i in range(4):
        assert shifted(loader.address(uncompilable(shift_source(i, op=f"k{i}").name))) == [i, i + 1, i + 2, i + 3]
    assert loader.stats.compiled == []
    assert not list((tmp_path / "kernels").rglob("*.part"))


def test_the_process_has_one_loader():
    assert process_loader() is process_loader()


def test_machine_code_from_another_process_is_not_compiled_again(warm, tmp_path):
    folder, source = warm
    first = KernelLoader(KernelCache(folder))
    first.prepare([source])
    codes = first.codes()
    assert list(codes) == [str(source.name)]
    other = KernelLoader(KernelCache(tmp_path / "empty"))
    other.receive(codes)
    assert shifted(other.address(uncompilable(source.name))) == [100, 101, 102, 103]
    assert other.stats.compiled == []
