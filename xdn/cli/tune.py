"""Show, move and remove what `xdn-run --tune` found.

  xdn-tune list                         all stored results; those of another machine or version are marked
  xdn-tune show KEY                     one result as JSON: its configuration, and what it is valid for
  xdn-tune export results.json          all results into a file
  xdn-tune import results.json          results from a file; those for other machines are kept, and not used here
  xdn-tune clear [KEY]                  remove one result, or everything

KEY is the beginning of a key as `list` prints it. Results lie in ~/.cache/xdn/tuning.sqlite (XDN_CACHE moves it).
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from xdn import settings
from xdn.cli.common import Output, file_in_folder, new_parser, run_command
from xdn.errors import DataError, UnknownNameError
from xdn.files import read_json, write_json
from xdn.report.tuning import results_table
from xdn.tune.store import Key, Result, Store, here


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-tune", __doc__)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace, Output], None], text: str) -> argparse.ArgumentParser:
        """Add a command of its own; return its parser."""
        added = commands.add_parser(name, help=text)
        added.set_defaults(run=run)
        return added

    add("list", _list, "print all results")
    show = add("show", _show, "print one result")
    show.add_argument("key", metavar="KEY", help="the beginning of the result's key")
    export = add("export", _export, "write all results to a file")
    export.add_argument("file", type=file_in_folder, metavar="FILE", help="the file to make, JSON")
    imported = add("import", _import, "read results from a file")
    imported.add_argument("file", type=Path, metavar="FILE", help="a file that export made")
    clear = add("clear", _clear, "remove one result, or all")
    clear.add_argument("key", nargs="?", metavar="KEY", help="the beginning of the result's key (default: all)")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), lambda args, output: args.run(args, output), argv)


def _documents(results: dict[str, Result]) -> list[dict[str, object]]:
    return [
        {"key": digest, "facts": dict(result.facts), "created": result.created, **result.document()}
        for digest, result in results.items()
    ]


def _list(args: argparse.Namespace, output: Output) -> None:
    results = Store().all()
    output.result(results_table(results, here()) if results else "no results: xdn-run --tune makes them")
    output.write_json({"results": _documents(results)}, "store")


def _named(store: Store, key: str) -> tuple[str, Result]:
    """Return the only result whose key begins so."""
    results = store.all()
    found = [digest for digest in results if digest.startswith(key)]
    if len(found) != 1:
        what = f"{len(found)} results have a key that begins with {key!r}"
        raise UnknownNameError(what, mend="xdn-tune list prints all keys")
    return found[0], results[found[0]]


def _show(args: argparse.Namespace, output: Output) -> None:
    digest, result = _named(Store(), args.key)
    (document,) = _documents({digest: result})
    output.result(*json.dumps(document, indent=2).splitlines())
    output.write_json(document, "stored")


def _export(args: argparse.Namespace, output: Output) -> None:
    documents = _documents(Store().all())
    write_json(args.file, {"results": documents})
    output.log(f"written: {args.file}, {len(documents)} results")


def _import(args: argparse.Namespace, output: Output) -> None:
    document = read_json(args.file, settings.MAX_RESULT_BYTES)
    rows = document.get("results") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError("this is not a file of results", where=str(args.file), mend="xdn-tune export writes one")
    # All are read before the first is kept.
    results = [Result.of(row.get("facts"), row, row.get("created", 0.0)) for row in rows]
    store = Store()
    for result in results:
        store.put(Key(result.facts), result)
    output.log(f"read: {args.file}, {len(results)} results")


def _clear(args: argparse.Namespace, output: Output) -> None:
    store = Store()
    count = store.clear(_named(store, args.key)[0] if args.key else None)
    output.log(f"removed: {count} results")
