"""How a message looks in a chat: an HTML document with its bubble, as wide as the frame it is shown in.

Examples stand in the place of values; a field without one shows its name. Nothing a person typed is markup.
"""

import re
from html import escape
from typing import Final

from connectpulse.core.api import Template

from .buttons import CALL, CODE, LINK, Button
from .content import Written
from .rendering import sentence

RIGHT_TO_LEFT: Final = frozenset({"ur", "ar", "fa", "he"})
"""Languages written from right to left, by Meta's code."""
SHOWN: Final = 3
"""Buttons a chat shows; of more it shows two, and the others in a list."""

_MARKS: Final = (("*", "strong"), ("_", "em"), ("~", "s"))
_CODE: Final = re.compile(r"```(.+?)```", re.DOTALL)
_LINKED: Final = re.compile(r"https?://[^\s<]+")
_ICONS: Final = {LINK: "↗", CALL: "✆", CODE: "⧉"}
_STYLE: Final = """
:root{color-scheme:light dark;--wall:#e9e2d8;--paper:#fff;--ink:#111b21;--faint:#5b6b75;--link:#0063cb;--line:#e6e6e6;
--mark:#fff1c2}
@media(prefers-color-scheme:dark){:root{--wall:#0b141a;--paper:#202c33;--ink:#e9edef;--faint:#a3b1b9;--link:#53bdeb;
--line:#37454d;--mark:#4a3d12}}
*{box-sizing:border-box}
body{margin:0;padding:1.25rem;background:var(--wall);color:var(--ink);
font:1rem/1.45 "Segoe UI",Roboto,"Noto Sans","Noto Nastaliq Urdu",Helvetica,Arial,sans-serif}
main{max-width:26rem;width:fit-content;min-width:12rem}
.bubble{background:var(--paper);border-radius:.6rem;border-start-start-radius:0;padding:.5rem .7rem .3rem;
box-shadow:0 1px 1px #0002;overflow-wrap:anywhere}
.shown{display:block;width:100%;max-height:22rem;object-fit:cover;border-radius:.4rem;margin-bottom:.5rem;
background:#8884}
.file{display:flex;gap:.6rem;align-items:center;background:#8882;border-radius:.4rem;padding:1rem;margin-bottom:.5rem}
h1{font-size:1rem;line-height:1.35;margin:0 0 .3rem}p{margin:0;white-space:pre-wrap}
footer,time{color:var(--faint);font-size:.8125rem}footer{margin-top:.3rem}time{display:block;text-align:end}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em}
.link{color:var(--link);text-decoration:underline}mark{background:var(--mark);color:inherit;border-radius:.2rem}
ul{list-style:none;margin:0;padding:0}
li{color:var(--link);text-align:center;padding:.55rem .7rem;background:var(--paper);border-radius:.6rem;
margin-top:.2rem;box-shadow:0 1px 1px #0002;overflow-wrap:anywhere}
.list{margin-top:1rem}.list li{text-align:start;border-radius:0;margin:0;box-shadow:none;
border-bottom:1px solid var(--line)}
"""


def document(written: Written) -> str:
    """Return the document of a content."""
    language = written.language.partition("_")[0]
    direction = "rtl" if language in RIGHT_TO_LEFT else "auto"
    parts = [_header(written), f'<p dir="{direction}">{_body(written)}</p>']
    if footer := _footer(written):
        parts.append(f'<footer dir="{direction}">{footer}</footer>')
    page = "rtl" if direction == "rtl" else "ltr"
    bubble = "".join(parts) + '<time dir="ltr">09:41</time>'
    return (
        f'<!doctype html><html lang="{escape(language)}" dir="{page}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>How it looks</title>'
        f'<style>{_STYLE}</style></head><body><main><section class="bubble">{bubble}</section>'
        f"{_buttons(_shown(written))}</main></body></html>"
    )


def marked(text: str) -> str:
    """Return a text as HTML, with what WhatsApp shows bold, in italics, struck or in one width."""
    pieces = _CODE.split(escape(text, quote=False))
    return "".join(f"<code>{piece}</code>" if at % 2 else _inline(piece) for at, piece in enumerate(pieces))


def _inline(text: str) -> str:
    text = _LINKED.sub(lambda found: f'<span class="link">{found[0]}</span>', text)
    for sign, tag in _MARKS:
        mark = re.escape(sign)
        pattern = rf"(?<![\w{mark}]){mark}(?=\S)([^{mark}\n]+?)(?<=\S){mark}(?![\w{mark}])"
        text = re.sub(pattern, rf"<{tag}>\1</{tag}>", text)
    return text


def _filled(written: Written, text: Template) -> str:
    """Return a text with examples in it; a field that has none stands there by its name, marked."""
    open_fields: list[str] = []
    pieces = []
    for piece in text.pieces:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        value = written.examples.get(piece.name) or piece.default
        if value:
            pieces.append(value)
        else:
            pieces.append(f"\x00{len(open_fields)}\x00")
            open_fields.append(piece.name)
    shown = marked("".join(pieces))
    for number, name in enumerate(open_fields):
        shown = shown.replace(f"\x00{number}\x00", f"<mark>{escape(name)}</mark>")
    return shown


def _body(written: Written) -> str:
    body = _filled(written, written.body)
    if not written.is_code:
        return body
    return sentence(written.language).replace("{code}", f"<strong>{body}</strong>")


def _footer(written: Written) -> str:
    if written.is_code:
        return f"This code expires in {written.expiry} minutes." if written.expiry else ""
    return escape(written.footer)


def _header(written: Written) -> str:
    source = f"file:{written.file_id}"
    match written.header:
        case "text" if written.header_text.pieces:
            return f'<h1 dir="auto">{_filled(written, written.header_text)}</h1>'
        case "image" if written.file_id is not None:
            return f'<img class="shown" src="{source}" alt="Picture of the header">'
        case "video" if written.file_id is not None:
            return f'<video class="shown" controls src="{source}"></video>'
        case "image" | "video" | "document":
            named = "A document" if written.file_id is not None else "No file chosen yet"
            return f'<div class="file"><span aria-hidden="true">📄</span><span>{named}</span></div>'
    return ""


def _shown(written: Written) -> list[Button]:
    return [Button(CODE, "Copy code")] if written.is_code else list(written.buttons)


def _buttons(buttons: list[Button]) -> str:
    if not buttons:
        return ""
    rows = [f'<li><span aria-hidden="true">{_ICONS.get(each.kind, "↩")}</span> {escape(each.label)}</li>'
            for each in buttons]  # fmt: skip
    if len(rows) <= SHOWN:
        return f"<ul>{''.join(rows)}</ul>"
    more = '<li><span aria-hidden="true">☰</span> See all options</li>'
    return f'<ul>{"".join(rows[:2])}{more}</ul><ul class="list">{"".join(rows)}</ul>'
