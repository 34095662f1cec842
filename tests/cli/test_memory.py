"""Too little memory: told before libraries crash, and of what fails later."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from xdn import settings
from xdn.cli import memory
from xdn.errors import SettingError

resource = pytest.importorskip("resource")


def test_without_a_limit_nothing_is_checked(monkeypatch):
    monkeypatch.setattr(memory, "limit_bytes", lambda: None)
    memory.check_limit()
    assert memory.lack(ImportError("libx.so: failed to map segment")) is None
    assert memory.lack(OSError("not found")) is None


def test_a_limit_below_the_least_is_an_error(monkeypatch):
    for limit in (settings.LEAST_ADDRESS_SPACE_BYTES, 1 << 40):
        monkeypatch.setattr(memory, "limit_bytes", lambda limit=limit: limit)
        memory.check_limit()
    monkeypatch.setattr(memory, "limit_bytes", lambda: 100 << 20)
    with pytest.raises(SettingError, match=r"100 MiB of address space are allowed; 768 MiB are needed"):
        memory.check_limit()


@pytest.mark.parametrize("error", [ImportError("libx.so: failed to map segment"), OSError("Could not load libx.so")])
def test_within_a_limit_what_cannot_be_loaded_is_for_want_of_memory(monkeypatch, error):
    monkeypatch.setattr(memory, "limit_bytes", lambda: 1 << 30)
    assert str(error) in memory.lack(error)
    assert memory.lack(ZeroDivisionError()) is None


@pytest.mark.parametrize("mib", [150, 400, 600])
@pytest.mark.parametrize("command", ["run", "inspect"])
def test_a_process_with_a_limit_gives_one_message(command, mib):
    code = """if 1:
        import resource, sys
        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) << 20,) * 2)
        from xdn.cli import entry
        name, sys.argv = sys.argv[1], ["xdn", "--list"]
        sys.exit(getattr(entry, name)())
    """
    call = [sys.executable, "-c", code, command, str(mib)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"xdn-{command}: error: {mib} MiB of address space are allowed; 768 MiB are needed. "
        "Raise the limit (ulimit -v), or give fewer images at a time or fewer threads\n"
    )
