"""The examples of the pages on extending run as they stand there."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from xdn.data.dataset import DATASETS
from xdn.evaluate.engines import ENGINES
from xdn.frontend import FRONTENDS
from xdn.frontend.caffe.text import schema
from xdn.frontend.onnx.read.base import READERS
from xdn.layers import LAYERS
from xdn.optimize import STAGES
from xdn.optimize.prune.criterion import CRITERIA
from xdn.optimize.prune.schedule import SCHEDULES
from xdn.optimize.quantize.observer import OBSERVERS
from xdn.runtime.backend import BACKENDS
from xdn.tune.search import SEARCHES

REGISTRIES = (
    *(LAYERS, STAGES, CRITERIA, SCHEDULES, OBSERVERS, SEARCHES),
    *(DATASETS, ENGINES, FRONTENDS, READERS, BACKENDS),
)
FOLDER = ROOT / "docs" / "extending"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "index.md")
#: What counts only in a process that has made no session yet.
FRESH = FOLDER / "activation.md"


def blocks(page):
    """Return the Python of a page: the example, and what shows that it works."""
    found = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S)
    assert "assert" in found[-1]
    return found


@pytest.fixture
def added():
    """Return a function that tells what was registered since; it is forgotten afterwards."""
    before = {registry.kind: set(registry) for registry in REGISTRIES}

    def found():
        """Return kind -> what is new."""
        new = {registry.kind: set(registry) - before[registry.kind] for registry in REGISTRIES}
        return {kind: names for kind, names in new.items() if names}

    yield found
    for registry in REGISTRIES:
        registry.forget(set(registry) - before[registry.kind])
    schema.classes.cache_clear()


@pytest.mark.parametrize("page", [page for page in PAGES if page != FRESH], ids=lambda page: page.stem)
def test_the_example_is_registered_and_works(page, added, tmp_path):
    names = {"tmp_path": tmp_path, "__name__": f"extending_{page.stem}"}
    first, *others = blocks(page)
    exec(compile(first, page.name, "exec"), names)
    (new,) = added().values()
    assert len(new) == 1
    # As in a program that has read no net yet.
    schema.classes.cache_clear()
    for block in others:
        exec(compile(block, page.name, "exec"), names)


def test_the_activation_works_in_a_new_process():
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks(FRESH))], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_page_is_listed():
    listed = re.findall(r"\]\((\w+\.md)\)", (FOLDER / "index.md").read_text())
    assert sorted(listed) == [page.name for page in PAGES]
