"""The documentation: its links lead somewhere, and what it names exists."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import TINY
from tests.kernels.checks import one_layer_net
from tests.markdown import anchors
from xdn.layers import LAYERS
from xdn.runtime.cpu.backend import Cpu
from xdn.runtime.parts import WholePart, cut

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "bench" / "README.md",
    *sorted((ROOT / "prototxt").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in link]
    assert all((page.parent / link).exists() for link in links), links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_paths_exist(page):
    named = re.findall(r"`((?:xdn|bench|deploy|tests|tools|prototxt)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_what_is_tiny_exists():
    assert [path for path in TINY if not (ROOT / path).exists()] == []


def test_the_speeds_of_tests_are_described():
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    text = (ROOT / "docs" / "folders.md").read_text()
    names = [line.split(":")[0] for line in markers]
    assert [name for name in names if f"`{name}`" not in text and f"-m {name}" not in text] == []


def test_the_table_of_folders_is_complete():
    text = (ROOT / "docs" / "folders.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)/` \|", text, re.M))
    assert listed == {path.parent.name for path in (ROOT / "xdn").glob("*/__init__.py")}


def test_every_command_is_described():
    commands = set(re.findall(r'"(xdn-\w+) = ', (ROOT / "setup.py").read_text()))
    assert commands <= set(re.findall(r"`(xdn-\w+)", (ROOT / "docs" / "index.md").read_text()))


@pytest.mark.parametrize("page", ["index.md", "zh/index.md"])
def test_every_variable_of_the_environment_is_described(page):
    sources = "".join(path.read_text() for path in (ROOT / "xdn").rglob("*.py"))
    named = set(re.findall(r"\b(XDN_[A-Z]+|OMP_NUM_THREADS)\b", sources))
    described = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / page).read_text(), re.M))
    assert described == named


@pytest.fixture(scope="module")
def tables():
    """Return the modules that write tables, by the name of their page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        import make_layer_table
        import make_operator_table

        yield {"layers.md": make_layer_table, "onnx.md": make_operator_table}


@pytest.mark.parametrize("place", ["docs", "docs/zh"])
@pytest.mark.parametrize("name", ["layers.md", "onnx.md"])
def test_the_tables_of_layer_types_and_operators_are_those_of_the_registries(tables, name, place):
    written = ROOT / place / name
    assert written.read_text() == tables[name].page(written), f"run tools/{tables[name].__name__}.py"


def test_the_chinese_of_tables_and_commands_is_that_of_what_the_code_says(tables):
    import make_prototxt
    import site_pages
    from translated import pairs

    said = set()

    def heard(text):
        said.add(" ".join(text.split()))
        return text

    site_pages.made_pages(heard)
    nets = make_prototxt.built()
    make_prototxt.index(nets, heard, "{}/")
    for folder, net in nets.items():
        make_prototxt.readme(folder, make_prototxt.ENTRIES[folder], net, heard)
    for each in tables.values():
        each.table(heard)
    # That of pictures is held by their own test.
    translated = set(pairs()) - set(pairs("pictures.txt"))
    missing, left = said - set(pairs()), translated - said
    assert (missing, left) == (set(), set()), "give tools/chinese/ what is missing, take away what is left"


def test_what_runs_a_layer_type(tables):
    kinds = {name: tables["layers.md"].runs_by(LAYERS[name]) for name in ("Input", "Convolution", "Concat", "Proposal")}
    assert kinds == {
        "Input": "the caller",
        "Convolution": "kernels",
        "Concat": "kernels",
        "Proposal": "whole batch, kernels",
    }


#: Types of which kernels take some layers only, with parameters of one that they leave to the reference.
LEFT_TO_REFERENCES = {
    "ArgMax": {"axis": 1, "top_k": 2},
    "BatchNorm": {"use_global_stats": False},
    "BN": {"affine_only": True, "bn_mode": "LEARN"},
    "Scale": {"axis": 0},
    "Bias": {"axis": 0},
    "InnerProduct": {"axis": 2, "num_output": 3},
    "DataAugmentation": {"recompute_mean": 1},
    "Unary": {"operation": "SIN"},
    "Binary": {"operation": "POW"},
    "MatMul": {"transpose_a": True},
    "Normalize": {"norm": "L1"},
}
#: What such layers read, where that is not an image of six channels.
READ_BY_REFERENCES = {
    "Scale": [(6, 5, 4), (6, 5)],
    "Bias": [(6, 5, 4), (6, 5)],
    "InnerProduct": [(1, 5, 4)],
    "Binary": [(6, 5), (6, 5)],
    "MatMul": [(5, 6), (5, 4)],
}


@pytest.mark.parametrize("type_name", LEFT_TO_REFERENCES)
def test_parameters_without_a_kernel_have_none(type_name):
    images = READ_BY_REFERENCES.get(type_name, [(6, 5, 4)])
    parts = cut(one_layer_net(type_name, *images, **LEFT_TO_REFERENCES[type_name]), Cpu.takes)
    assert any(isinstance(part, WholePart) for part in parts)


def test_parameters_without_a_kernel_are_listed():
    table = (ROOT / "docs" / "layers.md").read_text().split("| layer | kernels take |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([\w, ]+) \|", table, re.M)
    assert {name for row in rows for name in row.split(", ")} == {*LEFT_TO_REFERENCES, "all"}


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "README.md", ROOT / "README.zh-CN.md"], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_sections_that_links_lead_to_are_there(page):
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
    assert [
        link for link in links if link[1] not in anchors((page.parent / link[0] if link[0] else page).read_text())
    ] == []
