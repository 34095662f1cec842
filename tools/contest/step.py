#!/usr/bin/env python3
"""Run one step of a reproduction, unless its result is there already.

    python tools/contest/step.py --work DIR --name NAME --about TEXT --in FILE... --out FILE... -- COMMAND...

DIR/steps/NAME.json holds the command, the digests of the input files, and the seconds it took. With the same command,
the same digests and all outputs in place nothing is run. Delete the file to run the step again.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from xdn import settings
from xdn.cli.entry import program
from xdn.errors import ParseError
from xdn.files import read_json, write_atomically


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def done_before(record: Path, asked: dict[str, Any], outputs: list[Path]) -> dict[str, Any] | None:
    """Return the record of an earlier run of the same command on the same inputs, None where there is none."""
    if not record.is_file() or not all(path.exists() for path in outputs):
        return None
    try:
        found = read_json(record, settings.MAX_RESULT_BYTES)
    except ParseError:
        return None
    same = isinstance(found, dict) and all(found.get(key) == value for key, value in asked.items())
    return found if same else None


def main(argv: list[str]) -> int:
    """Run the step and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--about", required=True)
    parser.add_argument("--in", dest="inputs", type=Path, nargs="*", default=[])
    parser.add_argument("--out", dest="outputs", type=Path, nargs="+", required=True)
    at = argv.index("--") if "--" in argv else len(argv)
    args, command = parser.parse_args(argv[:at]), argv[at + 1 :]
    if not command:
        parser.error("name a COMMAND after --")
    record = args.work / "steps" / f"{args.name}.json"
    asked = {"command": command, "inputs": {str(path): digest(path) for path in args.inputs}}
    if found := done_before(record, asked, args.outputs):
        print(f"{args.name}: there since an earlier run, which took {found['seconds']:.1f} s", flush=True)
        return 0
    print(f"{args.name}: {args.about}", flush=True)
    record.unlink(missing_ok=True)
    begin = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    seconds = time.perf_counter() - begin
    if code:
        print(f"{args.name}: failed with exit code {code}", file=sys.stderr)
        return code
    if missing := [str(path) for path in args.outputs if not path.exists()]:
        print(f"{args.name}: the command ended well, but {', '.join(missing)} is not there", file=sys.stderr)
        return 1
    text = json.dumps({"step": args.name, "about": args.about, **asked, "seconds": seconds}, indent=2)
    write_atomically(record, text.encode())
    print(f"{args.name}: {seconds:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(program("step.py", lambda: main(sys.argv[1:])))
