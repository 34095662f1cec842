"""How a training went: its lines and its curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from xdn.errors import SettingError
from xdn.report.figure import checked_suffix, figure
from xdn.report.quantities import LARGEST

Row = Mapping[str, Any]
#: Of the drawing, in inches.
_SIZE = (5.6, 6.4)


def progress_line(row: Row, total: int, loss: str = "") -> str:
    """Return one line for a test's row of the log; `total` is the number of iterations of the whole training."""
    done, seconds = row["iteration"], row["seconds"]
    parts = [f"iteration {done}/{total} (epoch {row['epoch']:.1f}): accuracy {row['test_accuracy']:.2f} %"]
    if loss:
        parts.append(f"loss {loss}")
    parts.append(f"{seconds:.0f} s")
    if 0 < done < total:
        parts.append(f"{seconds / done * (total - done) / 60:.0f} min left")
    return ", ".join(parts)


def curves(rows: Sequence[Row]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the curves of a log's rows: name -> (epochs, values).

    Points whose numbers are not finite, or larger than any that is measured, are left out, and so are curves without
    points.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for name in ("loss", "test_loss", "test_accuracy", "lr"):
        points = [(row.get("epoch"), row.get(name)) for row in rows]
        known = [(float(x), float(y)) for x, y in points if _can_be_drawn(x) and _can_be_drawn(y)]
        if known:
            found[name] = ([x for x, _ in known], [y for _, y in known])
    return found


def _can_be_drawn(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and abs(value) <= LARGEST


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw loss, accuracy and learning rate of a log's rows over the epochs into `path`, a .png or .svg.

    Raises
    ------
    SettingError
        For another kind of file, a log without a curve, or where matplotlib is not installed.
    """
    checked_suffix(path)
    found = curves(rows)
    if not found:
        raise SettingError("the log has no rows to draw")
    panels = (("loss", ("loss", "test_loss")), ("accuracy, %", ("test_accuracy",)), ("learning rate", ("lr",)))
    with figure([path], _SIZE) as drawing:
        axes = drawing.subplots(len(panels), 1, sharex=True)
        for axis, (title, names) in zip(axes, panels, strict=True):
            for name in names:
                if name in found:
                    axis.plot(*found[name], label=name.replace("_", " "))
            axis.set_ylabel(title)
            axis.grid(alpha=0.3)
            if any(name in found for name in names):
                axis.legend(loc="best")
        axes[-1].set_xlabel("epoch")
