"""Where a run's time went, as people read it."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from xdn.report.quantities import count, shape, size
from xdn.runtime.profile import LayerProfile, Profile


def profile_table(profile: Profile) -> Table:
    """Return a table with a row a layer, in the order in which they run, and the totals."""
    workers = f"{profile.workers} thread{'' if profile.workers == 1 else 's'}"
    title = (
        f"{profile.images} images in {profile.run_ms:.1f} ms, {workers}; "
        f"peak of the arithmetic: {profile.peak_gflops:.0f} GFLOP/s"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_footer=True, footer_style="bold")
    _, kind, shapes, kernels, *figures = _row(profile.total)
    table.add_column("layer", f"{len(profile.layers)} rows", overflow="fold")
    for name, footer in (("type", kind), ("shape", shapes), ("kernels", kernels)):
        table.add_column(name, footer, overflow="fold")
    names = ("ms", "share", "MACs/image", "GFLOP/s", "of peak", "moved", "GB/s")
    for name, footer in zip(names, figures, strict=True):
        table.add_column(name, footer, justify="right")
    for layer in profile.layers:
        table.add_row(*_row(layer))
    return table


def _row(layer: LayerProfile) -> tuple[str, ...]:
    return (
        layer.name,
        layer.type,
        ", ".join(map(shape, layer.shapes)),
        # The instruction set, behind the two underscores, is that of the whole run.
        ", ".join(name.partition("__")[0] for name in layer.kernels),
        f"{layer.ms:.3f}",
        f"{layer.share:.1%}",
        count(layer.macs) if layer.macs else "",
        f"{layer.gflops:.1f}" if layer.macs else "",
        f"{layer.peak_percent:.1f} %" if layer.macs else "",
        size(layer.bytes) if layer.bytes else "",
        f"{layer.gbytes:.1f}" if layer.bytes else "",
    )
