"""The HTML of a letter in blocks: tables, as programs from Outlook to Gmail show them, one column on a phone."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .prose import inline, paragraphs, plain

ACCENT: Final = "#1f5fbf"
COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_FONT: Final = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'Noto Nastaliq Urdu',sans-serif"
_TABLE: Final = '<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="{width}" style="{style}">'
_HEAD: Final = (
    "<!DOCTYPE html><html><head><style>@media (max-width: 480px) {"
    ".stack { display: block !important; width: 100% !important; box-sizing: border-box; }"
    ".edge { padding-left: 20px !important; padding-right: 20px !important; } }</style></head>"
    '<body style="margin:0;padding:0;background-color:#f2f3f5">'
)
_SIZES: Final = {"1": "28px", "2": "22px", "3": "18px"}
_TEXT: Final = f"color:#22262b;font-size:16px;line-height:1.6;{_FONT}"

Block = Mapping[str, Any]


def html(blocks: Sequence[Block], accent: str = "") -> str:
    """Return a whole document; `accent` is the colour of links and buttons. Placeholders stand where they stood."""
    colour = accent if COLOUR.fullmatch(accent) else ACCENT
    known = [(maker, block) for block in blocks if (maker := _MAKERS.get(str(block.get("shape"))))]
    rows = "".join(_row(maker(block, colour)) for maker, block in known)
    outer = _TABLE.format(width="100%", style="background-color:#f2f3f5")
    inner = _TABLE.format(width="600", style="width:100%;max-width:600px;background-color:#ffffff;border-radius:8px")
    edge = '<tr><td style="padding:12px 0 0;font-size:0;line-height:0"></td></tr>'
    return (
        f'{_HEAD}{outer}<tr><td align="center" style="padding:20px 8px">{inner}{edge}{rows}{edge}</table></td></tr>'
        "</table></body></html>"
    )


def _row(inside: str) -> str:
    return f'<tr><td class="edge" style="padding:6px 32px;{_TEXT}">{inside}</td></tr>\n'


def _heading(block: Block, accent: str) -> str:
    level = str(block.get("size") or "1")
    size, side = _SIZES.get(level, _SIZES["1"]), _side(block)
    style = f"margin:10px 0;font-size:{size};line-height:1.3;text-align:{side};font-weight:700;{_FONT}"
    tag = f"h{level if level in _SIZES else '1'}"
    return f'<{tag} dir="auto" style="{style}">{inline(str(block.get("text") or ""), accent)}</{tag}>'


def _side(block: Block) -> str:
    return "center" if block.get("side") == "center" else "start"


def _text(block: Block, accent: str) -> str:
    return paragraphs(str(block.get("text") or ""), accent)


def _button(block: Block, accent: str) -> str:
    style = (
        f"display:inline-block;padding:12px 26px;color:#ffffff;text-decoration:none;font-weight:600;{_FONT};"
        f"border-radius:6px;background-color:{accent}"
    )
    label, link = plain(str(block.get("label") or "")), plain(str(block.get("link") or ""))
    table = _TABLE.format(width="", style="margin:8px auto" if _side(block) == "center" else "margin:8px 0")
    table = table.replace(' width=""', "")
    cell = f'<td dir="auto" style="border-radius:6px;background-color:{accent}"><a href="{link}" style="{style}">'
    return f"{table}<tr>{cell}{label}</a></td></tr></table>"


def _picture(block: Block, accent: str) -> str:
    width = int(block.get("width") or 600)
    shown = (
        f'<img src="{plain(str(block.get("address") or ""))}" alt="{plain(str(block.get("alt") or ""))}" '
        f'width="{width}" style="display:block;width:100%;max-width:{width}px;height:auto;border:0;margin:8px auto">'
    )
    link = str(block.get("link") or "").strip()
    return f'<a href="{plain(link)}">{shown}</a>' if link else shown


def _columns(block: Block, accent: str) -> str:
    cell = '<td class="stack" valign="top" width="50%" style="{0};{1}">{2}</td>'
    left, right = (paragraphs(str(block.get(name) or ""), accent) for name in ("left", "right"))
    cells = cell.format("padding-inline-end:12px", _TEXT, left) + cell.format("padding-inline-start:12px", _TEXT, right)
    return f"{_TABLE.format(width='100%', style='')}<tr>{cells}</tr></table>".replace(' style=""', "")


def _line(block: Block, accent: str) -> str:
    return '<hr style="border:0;border-top:1px solid #dfe2e6;margin:12px 0">'


def _space(block: Block, accent: str) -> str:
    height = int(block.get("height") or 24)
    return f'<div style="height:{height}px;font-size:0;line-height:{height}px">&nbsp;</div>'


_MAKERS: Final[Mapping[str, Callable[[Block, str], str]]] = {
    "heading": _heading, "text": _text, "button": _button, "picture": _picture, "columns": _columns, "line": _line,
    "space": _space,
}  # fmt: skip
