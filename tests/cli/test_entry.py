"""The console scripts answer Ctrl-C and wrong flags from their first moment."""

import os
import signal
import subprocess
import sys
import time

import pytest

from xdn.cli import entry


@pytest.mark.parametrize("name", ["inspect", "optimize", "pack", "run", "train"])
def test_a_script_gives_its_command_s_exit_code(monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [f"xdn-{name}", "--version"])
    with pytest.raises(SystemExit) as stopped:
        getattr(entry, name)()
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"xdn-{name} ")


def test_an_interrupt_while_the_command_is_imported_is_one_message(monkeypatch, capsys):
    def interrupted(module):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "import_module", interrupted)
    assert entry.run() == 130
    assert capsys.readouterr().err == "xdn-run: interrupted\n"


def test_a_flag_that_the_import_refuses_is_one_message():
    environment = os.environ | {"XDN_ISA": "sse9"}
    code = "import sys; from xdn.cli import entry; sys.exit(entry.run())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    known = "Known are avx512f, avx2, neon, portable"
    assert done.stderr == f"xdn-run: error: XDN_ISA: no instruction set is called 'sse9'. {known}\n"


def test_an_interrupted_process_ends_with_130_and_leaves_no_file(tmp_path):
    # A shell that starts pytest in the background makes it ignore SIGINT, and children inherit that.
    code = """if 1:
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from xdn.cli import entry
        sys.argv = ["xdn-pack", "glyphs10", "--split", "train", "-o", sys.argv[1]]
        print("ready", flush=True)
        sys.exit(entry.pack())
    """
    target = tmp_path / "out" / "glyphs.packed"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 60
    while not list(target.parent.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert list(target.parent.iterdir()) == []
