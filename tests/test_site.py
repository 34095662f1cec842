"""The pages of the site that are made, and where its links lead; building it is left to CI."""

import re

import pytest

from tests.conftest import ROOT
from xdn import api
from xdn.cli.completion import commands


@pytest.fixture(scope="module")
def pages():
    """Return the module that makes pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        import site_pages

        yield site_pages


def test_every_option_of_every_command_is_on_its_page(pages):
    made = pages.made_pages()
    for each in commands():
        text = made[f"commands/{each.name}.md"]
        flags = [flag for option in each.options for flag in option.flags]
        assert [flag for flag in flags if f"`{flag}" not in text] == []
        assert [one.value for one in each.arguments if not one.help] == []
        assert each.name in made["commands/index.md"]
    assert "## xdn-tune export" in made["commands/xdn-tune.md"]


def test_a_command_in_chinese_keeps_its_examples(pages):
    from translated import chinese

    english, ours = (pages.made_pages(say)["commands/xdn-tune.md"] for say in (str, chinese))
    assert "\n| `xdn-tune show KEY` | one result as JSON: its" in english
    assert "\n| `xdn-tune show KEY` | 以 JSON 显示一个结果" in ours
    assert re.findall("`[^`]+`", ours.split("**")[-1]) == re.findall("`[^`]+`", english.split("**")[-1])


def test_examples_of_several_lines_and_without_words(pages):
    said = "  a --b       this\n              and that\n  c\n"
    assert pages._examples(said.replace(" " * 14, " " * 24), str).splitlines()[2:] == [
        "| `a --b` | this and that |",
        "| `c` |  |",
    ]
    assert pages._examples("  a\n  b --c", str) == "```text\na\nb --c\n```"


def test_a_text_without_its_chinese_is_named(pages):
    from translated import chinese

    with pytest.raises(LookupError, match=r"add the Chinese of this text .*: Nobody says this"):
        chinese("Nobody says this.")


def test_every_registry_but_that_of_layers_is_listed(pages):
    kinds = re.findall(r"^## (.+)$", pages.choices_page(), re.M)
    assert kinds == [kind for kind in api.registries() if kind != "layer type"]
    assert "| `onnxruntime` |" in pages.choices_page()


@pytest.mark.parametrize(
    ("place", "link", "made"),
    [
        ("index.md", "[a](tuning.md#x)", "[a](tuning.md#x)"),
        ("index.md", "[a](../bench/README.md)", "[a](bench.md)"),
        ("commands/x.md", "[a](../tuning.md)", "[a](../tuning.md)"),
        ("index.md", "[a](../prototxt/lenet/)", "a"),
        ("index.md", "[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("index.md", "![a](pictures/x.svg)", "![a](pictures/x.svg)"),
    ],
)
def test_links_of_english_pages(pages, place, link, made):
    assert pages.relinked(link, pages.DOCS / place, place) == made


@pytest.mark.parametrize(
    ("place", "link", "made"),
    [
        ("index.md", "[a](method.md)", "[a](method.md)"),
        ("index.md", "[a](../tuning.md#x)", "[a](../tuning/#x)"),
        ("method.md", "[a](../tuning.md)", "[a](../../tuning/)"),
        ("method.md", "[a](../../bench/README.md)", "[a](../../bench/)"),
        ("method.md", "[a](../index.md)", "[a](../../)"),
        ("method.md", "![a](../pictures/x.svg)", "![a](pictures/x.svg)"),
        ("method.md", "[a](../../xdn/api.py)", "a"),
        ("extending/index.md", "[a](../../tuning.md)", "[a](../../tuning/)"),
        ("extending/layer.md", "[a](../../onnx.md#x)", "[a](../../../onnx/#x)"),
        ("extending/layer.md", "[a](../folders.md)", "[a](../folders.md)"),
    ],
)
def test_links_of_chinese_pages_leave_their_site_for_pages_that_are_english(pages, place, link, made):
    root = pages.DOCS / "zh"
    assert pages.relinked(link, root / place, place, root) == made


def test_pages_brought_from_elsewhere_lead_back_into_the_site(pages):
    origin = ROOT / "bench" / "README.md"
    assert pages.relinked("[a](../docs/numerics.md)", origin, "bench.md") == "[a](numerics.md)"


@pytest.mark.parametrize(
    ("url", "root", "made"),
    [
        ("./", "./zh/", "./zh/"),
        ("method/", "./zh/", ".././zh/method/"),
        ("extending/layer/", "../", "../../../extending/layer/"),
    ],
)
def test_the_choice_of_a_language_leads_to_the_same_page(pages, url, root, made):
    html = '<link href="../" hreflang="en"><a href="{}" hreflang="en" class="md-select__link">'
    assert pages.in_languages(html.format("x"), url, {"en": root}) == html.format(made)


@pytest.mark.parametrize(
    ("html", "made"),
    [
        ("<td><code>a --no-x</code></td>", '<td><code>a <span class="word">--no-x</span></code></td>'),
        ("<td>a-b</td><p><code>a-b</code></p>", "<td>a-b</td><p><code>a-b</code></p>"),
        (f"<td><code>{'long' * 10}-b</code></td>", f"<td><code>{'long' * 10}-b</code></td>"),
    ],
)
def test_options_in_tables_are_not_broken(pages, html, made):
    assert pages.unbroken(html) == made


def test_every_page_is_in_the_navigation(pages):
    english, chinese = (ROOT / name for name in ("mkdocs.yml", "mkdocs.zh.yml"))
    listed = set(re.findall(r"- (?:\S+: )?(\S+\.md)$", english.read_text(), re.M))
    there = {str(path.relative_to(pages.DOCS)) for path in pages.DOCS.rglob("*.md")}
    there -= {name for name in there if name.startswith("zh/")}
    assert listed == there | set(pages.BROUGHT.values()) | set(pages.made_pages())
    ours = set(re.findall(r"- (?:\S+: )?(\S+\.md)$", chinese.read_text(), re.M))
    there = {str(path.relative_to(pages.DOCS / "zh")) for path in (pages.DOCS / "zh").rglob("*.md")}
    assert ours == there | set(pages.made_pages())
