from math import ceil, log10

TICKS = 4


def px(value: float) -> str:
    return f"{value:.1f}"


def round_step(highest: float) -> float:
    """A round number of which TICKS reach the highest value."""
    if highest <= 0:
        return 0.25
    least = highest / TICKS
    size = 10.0 ** (ceil(log10(least)) - 1)
    return next(size * factor for factor in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 12.5) if size * factor >= least)


def short(value: float) -> str:
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if suffix == 'k' else size):,.4g}{suffix}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004  # three digits say enough
