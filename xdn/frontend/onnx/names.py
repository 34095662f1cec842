"""Names that are given once, to layers, blobs and the values of a graph."""


def fresh(wish: str, taken: set[str]) -> str:
    """Return `wish`, or a variant of it that is not among the names `taken`, and add it to these."""
    found, number = wish, 1
    while found in taken:
        found, number = f"{wish}:{number}", number + 1
    taken.add(found)
    return found
