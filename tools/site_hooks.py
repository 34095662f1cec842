"""What MkDocs calls to build the site: adds the pages that are made, and those from elsewhere; mends their links."""

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

from site_pages import BROUGHT, DOCS, in_languages, made_pages, relinked, unbroken
from translated import chinese

_ORIGINS = {name: path for path, name in BROUGHT.items()}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the style and the pages that lie elsewhere or are made; to a site within the site also the pictures."""
    if Path(config.docs_dir) == DOCS:
        texts = {name: path.read_text() for name, path in _ORIGINS.items()} | made_pages()
    else:
        texts = made_pages(chinese)
        for path in sorted((DOCS / "pictures").iterdir()):
            files.append(File.generated(config, f"pictures/{path.name}", abs_src_path=str(path)))
    files.append(File.generated(config, "site.css", abs_src_path=str(Path(__file__).with_name("site.css"))))
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where pages are in the site."""
    root, place = Path(config.docs_dir), page.file.src_uri
    return relinked(markdown, _ORIGINS.get(place, root / place) if root == DOCS else root / place, place, root)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep the words of code in tables whole."""
    return unbroken(html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Let the choice of a language lead to the same page in it."""
    return in_languages(output, page.url, {each["lang"]: each["link"] for each in config.extra["alternate"]})
