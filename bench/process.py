"""Run another program."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from xdn.errors import XdnError


def output_of(command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Run a process, in `folder` where one is given, and return its standard output.

    Raises
    ------
    XdnError
        With the process's messages, where it fails.
    """
    variables = os.environ | dict(environment or {})
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise XdnError(f"a process ended with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout
