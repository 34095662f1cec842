"""What tests read of Markdown: code, headings and their anchors."""

import re

FENCED = re.compile(r"^```.*?^```$", re.M | re.S)


def headings(text):
    """Return the level and the title of each heading of a page."""
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", FENCED.sub("", text), re.M)]


def anchors(text):
    """Return the anchors of a page's headings, in their order."""
    return [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for _, title in headings(text)]
