"""Text of unknown origin, such as the names in a net, made safe for a terminal."""


def visible(text: str) -> str:
    """Return one line of text, with an escape for every character that a terminal would obey or not show.

    These are control characters, line ends, marks that turn the direction of writing, and halves of characters; the
    escapes are those of Python's `repr`. A backslash stays what it is.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
