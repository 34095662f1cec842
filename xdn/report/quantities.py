"""Numbers as people read them: three significant digits and a unit."""

from math import floor, log10

_DECIMAL = ("", " k", " M", " G", " T", " P")
_BINARY = (" B", " KiB", " MiB", " GiB", " TiB")
#: The largest magnitude of a number that is shown: none that is measured comes near, and ratios of two are finite.
LARGEST = 1e100


def count(value: float) -> str:
    """Return a count with a decimal prefix: 3858000000 -> "3.86 G"."""
    return _prefixed(value, 1000, _DECIMAL)


def counted(number: int, what: str) -> str:
    """Return a number of things: (1, "thread") -> "1 thread", (2, "thread") -> "2 threads"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def size(value_bytes: float) -> str:
    """Return a size with a binary prefix: 1572864 -> "1.5 MiB"."""
    return _prefixed(value_bytes, 1024, _BINARY)


def duration(seconds: float) -> str:
    """Return a time with the unit that suits it: 0.00123 -> "1.23 ms"."""
    for least, factor, unit in ((1.0, 1, "s"), (1e-3, 1e3, "ms")):
        if seconds >= 0.9995 * least:
            return f"{significant(seconds * factor)} {unit}"
    return f"{significant(seconds * 1e6)} µs"


def significant(value: float) -> str:
    """Return a number with three significant digits, and no power of ten: 0.01234 -> "0.0123", 1234.5 -> "1,234"."""
    if value == 0 or abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - floor(log10(abs(value)) + 1e-9))}f}"


def difference(value: float | None) -> str:
    """Return a relative difference, a dash where nothing was compared."""
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"


def order_name(channel_order: str) -> str:
    """Return an order of channels as it is printed: "rgb" -> "R,G,B"; "grey" stays."""
    return ",".join(channel_order.upper()) if channel_order in ("rgb", "bgr") else channel_order


def shape(extents: tuple[int, ...]) -> str:
    """Return a shape: (1, 3, 32, 32) -> "1x3x32x32"."""
    return "x".join(map(str, extents)) or "scalar"


def _prefixed(value: float, base: int, units: tuple[str, ...]) -> str:
    power = 0
    # 999.5 would be printed with four digits.
    while round(value) >= base and power < len(units) - 1:
        value, power = value / base, power + 1
    if isinstance(value, int) or value == int(value):
        return f"{int(value)}{units[power]}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{units[power]}"
