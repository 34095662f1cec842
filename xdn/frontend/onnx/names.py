"""Names that are given once, to layers, blobs and the values of a graph."""


def fresh(wish: str, taken: dict[str, int]) -> str:
    """Return `wish`, or a variant of it that is not among the names `taken`, and add it to these.

    With each of these stands the number that its next variant gets, so that many alike take no longer than others.
    """
    found = wish
    while found in taken:
        found, taken[wish] = f"{wish}:{taken[wish]}", taken[wish] + 1
    taken[found] = 1
    return found
