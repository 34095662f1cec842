"""No command advises an option that it does not have.

A message is a text somewhere in the sources. Which commands may print it is told by what their `main` reaches: the
functions, classes and constants that are named in it, in these, and so on. A registry's entries are reached by whoever
looks one up. Options of another command are named with it, as in ``xdn-pack --size``.
"""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from xdn.cli.entry import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
#: An option, and the command that is named before it; what is said of Ray's own program is not of ours.
OPTION = re.compile(r"(?<!ray start )(?:(xdn-\w+) )?(--[a-z][a-z-]+)")
#: What the sources seem to say, but a command never prints: the test that holds it stands beside.
NEVER_PRINTED = {
    # tests/train/test_start.py::test_a_teacher_needs_all_of_its_weights
    ("xdn-train", "xdn.frontend.caffe.weights.assign", "--partial-weights"),
    ("xdn-train", "xdn.frontend.caffe.load", "--random-weights"),
    # Results of tuning hold no weights: xdn-tune reads no net.
    ("xdn-tune", "xdn.graph.net", "--weights"),
    # tests/cli/test_quantize_options.py::test_images_for_a_precision_are_named_with_data
    ("xdn-run", "xdn.cli.quantize_options", "--calibrate"),
    # tests/cli/test_pack.py::test_any_data_set_is_resized_where_it_is_packed
    ("xdn-pack", "xdn.data.source", "--crop"),
}

Key = tuple[str, str]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def adds_an_option(function):
    """Return whether a call's function is a parser's `add_argument`, or the short name that commands give it."""
    return getattr(function, "attr", "") == "add_argument" or getattr(function, "id", "") == "add"


class Sources:
    """What each module of the package defines and imports."""

    def __init__(self):
        trees = {module_name(path): ast.parse(path.read_text()) for path in (ROOT / "xdn").rglob("*.py")}
        self.imports = {module: self._imports(tree) for module, tree in trees.items()}
        self.nodes = {(module, name): node for module, tree in trees.items() for name, node in self._defined(tree)}
        self.entries = self._registered()

    @staticmethod
    def _imports(tree):
        found = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xdn"):
                found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        return found

    @staticmethod
    def _defined(tree):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name, node
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                yield from ((name, node.value) for name in names)

    def _registered(self):
        """Return registry -> what is registered with it, by decorators."""
        found = {}
        for key, node in self.nodes.items():
            for call in getattr(node, "decorator_list", ()):
                decorator = call.func if isinstance(call, ast.Call) else call
                if isinstance(decorator, ast.Attribute) and decorator.attr == "register":
                    found.setdefault(self.resolved(key[0], decorator.value.id), []).append(key)
        return found

    def resolved(self, module, name):
        """Return the definition that `name` means in `module`, (module, "") for a module, None for a foreign name."""
        if (module, name) in self.nodes:
            return module, name
        if name not in self.imports.get(module, {}):
            return None
        origin, original = self.imports[module][name]
        found = self.resolved(origin, original) if (origin, original) != (module, name) else None
        return found or ((f"{origin}.{original}", "") if f"{origin}.{original}" in self.imports else None)

    def named_in(self, key):
        """Yield the definitions that `key` names."""
        module = key[0]
        for node in ast.walk(self.nodes[key]):
            looked_up = None
            if isinstance(node, ast.Name):
                yield self.resolved(module, node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = self.resolved(module, node.value.id)
                if owner and not owner[1]:
                    yield self.resolved(owner[0], node.attr)
            if isinstance(node, ast.Subscript):
                looked_up = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items":
                looked_up = node.func.value
            if isinstance(looked_up, ast.Name):
                yield from self.entries.get(self.resolved(module, looked_up.id), ())

    def reached(self, start):
        seen, left = {start}, [start]
        while left:
            new = {key for key in self.named_in(left.pop()) if key in self.nodes} - seen
            seen |= new
            left += new
        return seen

    def texts(self, key):
        """Yield the texts in `key` that may be printed: no docstrings, nothing that a parser is told."""
        node, silent = self.nodes[key], set()
        for inner in ast.walk(node):
            body = getattr(inner, "body", None)
            if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                silent.add(id(body[0].value))
            if isinstance(inner, ast.Call) and adds_an_option(inner.func):
                silent |= {id(part) for part in ast.walk(inner)}
        texts = (part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))
        yield from (part.value for part in texts if id(part) not in silent)


def options_of(command, monkeypatch):
    """Return the options of a command's parser."""
    module, parsers = import_module(f"xdn.cli.{command}"), []
    with monkeypatch.context() as patch:
        patch.setattr(module, "run_command", lambda parser, *rest: parsers.append(parser) or 0)
        module.main([])
    return {name for action in parsers[0]._actions for name in action.option_strings}


@pytest.fixture(scope="module")
def sources():
    return Sources()


def advised(sources, command):
    """Yield (module, command that is named before it, option) of every option in a text that `command` may print."""
    for key in sources.reached((f"xdn.cli.{command}", "main")):
        for text in sources.texts(key):
            yield from ((key[0], named, option) for named, option in OPTION.findall(text))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_is_advised_is_there(sources, command, monkeypatch):
    own = f"xdn-{command}"
    options = {f"xdn-{name}": options_of(name, monkeypatch) for name in COMMANDS}
    # A service adds to such advice whose options these are: tests/serve/test_advice.py holds it.
    options["xdn-serve"] |= options["xdn-optimize"]
    found = set(advised(sources, command))
    wrong = {(own, module, option) for module, named, option in found if option not in options[named or own]}
    assert wrong - NEVER_PRINTED == set()


def test_nothing_is_excepted_without_need(sources, monkeypatch):
    for own, module, option in NEVER_PRINTED:
        command = own.removeprefix("xdn-")
        assert (module, "", option) in set(advised(sources, command))
        assert option not in options_of(command, monkeypatch)


@pytest.mark.parametrize(
    ("command", "module", "option"),
    [
        ("run", "xdn.data.folder", "--size"),
        ("run", "xdn.data.cifar10", "--download"),
        ("train", "xdn.frontend.caffe.images.image_shape", "--input-shape"),
        ("train", "xdn.train.resume", "--restart"),
        ("optimize", "xdn.optimize.prune.instruments", "--data"),
        ("tune", "xdn.cli.tune", "--tune"),
    ],
)
def test_texts_are_found_however_far_away(sources, command, module, option):
    assert option in {option for where, _, option in advised(sources, command) if where == module}


def test_what_a_command_does_not_reach_is_not_its_text(sources):
    modules = {module for module, _, _ in advised(sources, "inspect")}
    assert not {module for module in modules if module.startswith(("xdn.train", "xdn.data"))}
