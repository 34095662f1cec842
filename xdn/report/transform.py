"""What is done to images before a net reads them, as people read it."""

from xdn.data.applied import Applied
from xdn.report.quantities import order_name


def transform_line(applied: Applied) -> str:
    """Return the transform in words, such as ``"central crop 28x28 of 32x32; mean 104, 117, 123 subtracted; B,G,R"``.

    Where nothing is done at all: ``"none: raw 0..255, R,G,B"``.
    """
    height, width, _ = applied.image
    geometry = [f"resized to {applied.resize}"] if applied.resize else []
    if applied.crop and (applied.crop, applied.crop) != (height, width):
        geometry.append(f"central crop {applied.crop}x{applied.crop} of {height}x{width}")
    values = []
    if applied.mean_file:
        values.append(f"mean image {applied.mean_file} subtracted")
    if any(applied.mean_value):
        values.append(f"mean {_numbers(applied.mean_value)} subtracted")
    if applied.scale != 1:
        values.append(f"times {applied.scale:g}")
    if any(std != 1 for std in applied.std):
        values.append(f"divided by {_numbers(applied.std)}")
    order = order_name(applied.channel_order)
    if not values:
        raw = f"raw 0..255, {order}"
        return "; ".join([*geometry, raw]) if geometry else f"none: {raw}"
    return "; ".join([*geometry, *values, order])


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
