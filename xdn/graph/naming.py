"""Names for layers and blobs that nobody else has."""


def free_name(wanted: str, taken: set[str]) -> str:
    """Return a name for a new layer or blob, `wanted` or one that begins so, and add it to those that are taken."""
    while wanted in taken:
        wanted += "_"
    taken.add(wanted)
    return wanted
