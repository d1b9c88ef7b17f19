"""Small charts, drawn on the server as SVG: no script, no style attribute, and every value is there as text, too."""

from collections.abc import Sequence
from decimal import Decimal

from markupsafe import Markup

_WIDTH, _HEIGHT = 600, 140
_FILLED = 0.75
"""The part of its room that a column takes."""

Points = Sequence[tuple[str, Decimal | int]]

_COLUMN = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>')
_LINE = Markup('<tr><th scope="row">{}</th><td class="num">{}</td></tr>')
_COLUMNS = Markup(
    '<figure class="chart"><figcaption>{}</figcaption>'
    '<svg class="columns" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    '<p class="ends muted"><span>{}</span><span>{}</span></p>'
    '<details><summary>As a table</summary><table class="table"><tbody>{}</tbody></table></details></figure>'
)
_BAR = Markup(
    '<tr><th scope="row" dir="auto">{}</th><td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" '
    'aria-hidden="true"><rect x="0" y="0" width="{:.2f}" height="10"/></svg></td><td class="num">{}</td></tr>'
)
_BARS = Markup(
    '<figure class="chart"><figcaption>{}</figcaption><table class="bars"><tbody>{}</tbody></table></figure>'
)


def columns(title: str, points: Points, unit: str = "") -> Markup:
    """Return a chart of columns, one for each point in order, like days; values below zero are drawn as zero."""
    most, step = _most(points), _WIDTH / max(1, len(points))
    drawn = Markup("").join(
        _COLUMN.format(
            (number + (1 - _FILLED) / 2) * step, _HEIGHT * (1 - share), _FILLED * step, _HEIGHT * share, label,
            said(value, unit),
        )
        for number, (label, value) in enumerate(points)
        for share in [_share(value, most)]
    )  # fmt: skip
    lines = Markup("").join(_LINE.format(label, said(value, unit)) for label, value in points)
    first, last = (points[0][0], points[-1][0]) if points else ("", "")
    return _COLUMNS.format(title, _WIDTH, _HEIGHT, title, drawn, first, last, lines)


def bars(title: str, points: Points, unit: str = "") -> Markup:
    """Return bars below each other, each with its label and value: for shares of a whole."""
    most = _most(points)
    lines = (_BAR.format(label, 100 * _share(value, most), said(value, unit)) for label, value in points)
    return _BARS.format(title, Markup("").join(lines))


def said(value: Decimal | int, unit: str = "") -> str:
    """Return an amount without idle zeros, with its unit."""
    return f"{Decimal(value).normalize():,f} {unit}".strip()


def _most(points: Points) -> Decimal | int:
    return max([value for _, value in points if value > 0], default=1)


def _share(value: Decimal | int, most: Decimal | int) -> float:
    return float(max(value, 0) / most)
