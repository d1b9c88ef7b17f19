"""What an editor plays beside a template: its call, as it will be heard."""

import base64
import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final, NamedTuple

from connectpulse.core.api import Refused, parse_template

from .. import menu
from . import making
from .sound import Prompt, wav

EXAMPLES: Final[Mapping[str, str]] = {"first_name": "Ayesha", "last_name": "Khan", "name": "Ayesha Khan"}
"""What is said where a recipient's value stands."""

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 1rem; }
section { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .75rem;
  padding: .75rem 1rem; margin-block-end: 1rem; }
h1 { font-size: 1rem; margin: 0 0 .5rem; }
audio { width: 100%; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem .75rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; }
p { margin: .5rem 0 0; opacity: .8; }
@media (min-width: 50rem) { :root { font-size: 1.4rem; } }
"""
_DEEDS: Final = {
    menu.Deed.REPEAT: "hears it again",
    menu.Deed.MORE: "hears more",
    menu.Deed.OPT_OUT: "is not called again",
}


class Shown(NamedTuple):
    """A page that plays a call, what is known of its length, and what is wrong with how it sounds."""

    document: str
    figures: tuple[tuple[str, str], ...]
    faults: tuple[str, ...] = ()


def show(content: Mapping[str, Any]) -> Shown:
    """Return a content's call as it will be heard, with example values for its fields. Never raises.

    A recording is played as it was uploaded: the page holds its number, for which the house puts the file.
    """
    wanted = ("prompt", "more") if content.get("more_key") else ("prompt",)
    try:
        sounds = {which: _heard(content, which) for which in wanted}
        faults = _cut_off(content, sounds)
    except Refused as refusal:
        return Shown("", (), tuple(refusal.problems))
    except (ValueError, TypeError, LookupError):  # half-typed
        return Shown("", ())
    title = {"prompt": "The call", "more": f"Key {content.get('more_key')}: more"}
    players = [_player(title[which], sound) for which, sound in sounds.items()]
    return Shown(_page("".join([*players, _keys(content)])), _figures(sounds["prompt"]), faults)


def _cut_off(content: Mapping[str, Any], sounds: Mapping[str, Prompt | str]) -> tuple[str, ...]:
    """Return a warning where a call is ended before all was said."""
    longest = max((sound.seconds for sound in sounds.values() if not isinstance(sound, str)), default=0.0)
    most = int(content.get("most_seconds") or 120)
    if longest <= most:
        return ()
    return (f"Spoken it takes {longest:.0f} seconds, and the call is ended after {most}. Shorten it, or allow more.",)


def _figures(sound: Prompt | str) -> tuple[tuple[str, str], ...]:
    """Return how long the call is, and the steps it is charged in where a price has such."""
    if isinstance(sound, str):
        return ()
    seconds = math.ceil(sound.seconds)
    return (
        ("Spoken", f"{sound.seconds:.1f} seconds"),
        ("Started minutes", str(-(-seconds // 60))),
        ("Steps of six seconds", str(-(-seconds // 6))),
    )


def _page(body: str) -> str:
    head = f'<meta charset="utf-8"><title>The call</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def _heard(content: Mapping[str, Any], which: str) -> Prompt | str:
    text, recording = making.FIELDS[which]
    if not making.is_recorded(content, which):
        names = parse_template(str(content.get(text) or "")).names
        values = {name: EXAMPLES.get(name, name.replace("_", " ")) for name in names}
        return making.spoken(content, values, which)
    file_id = content.get(recording)
    return f"file:{int(file_id)}" if file_id else ""


def _player(title: str, sound: Prompt | str) -> str:
    if not sound:
        return f"<section><h1>{escape(title)}</h1><p>No recording is chosen yet.</p></section>"
    if isinstance(sound, str):
        source, note = sound, "The recording as it was uploaded; on the telephone it has the sound of a telephone."
    else:
        encoded = base64.b64encode(wav(sound.pcm)).decode()
        source, note = f"data:audio/wav;base64,{encoded}", f"{sound.seconds:.1f} seconds, as it will be heard."
    return (
        f'<section><h1>{escape(title)}</h1><audio controls preload="metadata" src="{escape(source)}"></audio>'
        f"<p>{note}</p></section>"
    )


def _keys(content: Mapping[str, Any]) -> str:
    keys, _ = menu.read(content)
    if not keys:
        return ""
    rows = "".join(
        f"<dt>{escape(digit)}</dt><dd>{escape(_DEEDS.get(key.deed) or key.label)}</dd>"
        for digit, key in sorted(keys.items())
    )
    return f"<section><h1>Whoever presses</h1><dl>{rows}</dl></section>"
