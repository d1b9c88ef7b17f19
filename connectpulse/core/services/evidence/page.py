"""The evidence as a page of its own, which reads without this product and without a network."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; } h2 { margin-block-start: 2.5rem; border-block-end: 1px solid; }
article { margin-block: 1.25rem; } article > p { margin-block: .25rem; }
blockquote { margin: 0; font-weight: 600; }
.mark { font-weight: 700; padding: .1rem .5rem; border-radius: .25rem; border: 1px solid; white-space: nowrap; }
.held { color: #14693a; } .broken { color: #b3261e; } .partly, .not { color: #8a5a00; }
@media (prefers-color-scheme: dark) {
  .held { color: #7bd8a3; } .broken { color: #ff9d94; } .partly, .not { color: #f2c46d; }
}
ul { margin-block: .25rem; } li { overflow-wrap: anywhere; } code { font-size: .9em; overflow-wrap: anywhere; }
"""


def html(payload: Mapping[str, Any], public_key: str) -> str:
    """Return the page of what `bundle.gather` found."""
    return "\n".join(_lines(payload, public_key)) + "\n"


def _lines(payload: Mapping[str, Any], public_key: str) -> Iterator[str]:
    yield '<!doctype html><html lang="en" dir="ltr"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<title>Evidence of the privacy policy</title>"
    yield f"<style>{_STYLE}</style></head><body>"
    yield "<h1>Evidence of the privacy policy</h1>"
    figures = ", ".join(f"{count} {standing}" for standing, count in payload["summary"].items())
    yield f"<p>{len(payload['rows'])} sentences: {escape(figures)}. "
    yield f"Made on {_moment(payload['made_at'])} by Connect Pulse {escape(payload['product'])} at "
    yield f"{escape(payload['address'])}.</p>"
    yield "<p>A sentence is <em>held</em> when all that proves it was run and was good. What was not run is not "
    yield "counted as good, and what nothing proves yet is said.</p>"
    heading = ""
    for row in payload["rows"]:
        if row["heading"] != heading:
            heading = row["heading"]
            yield f"<h2>{escape(heading)}</h2>"
        yield from _row(row)
    yield "<h2>How to check this</h2>"
    yield "<p>This page's SHA-256 stands in <code>evidence.json</code> as <code>html_sha256</code>, that of the "
    yield "policy as <code>policy_sha256</code>. It is signed (Ed25519, over the canonical JSON of its "
    yield "<code>payload</code>) with the site's key. <code>connectpulse evidence verify</code> checks all of it. "
    yield f"Public key: <code>{escape(public_key)}</code></p></body></html>"


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    standing = row["standing"]
    yield f'<article id="s{escape(row["number"])}"><p><strong>{escape(row["number"])}</strong> '
    yield f'<span class="mark {escape(standing.partition(" ")[0])}">{escape(standing)}</span>'
    yield f" {'last held ' + _moment(row['last_held']) if row['last_held'] else ''}</p>"
    yield f"<blockquote>{escape(row['sentence'])}</blockquote>"
    if row["control"]:
        yield f"<p>{escape(row['control'])}</p>"
    yield "<ul>"
    for proof in row["proofs"]:
        word = {True: "good", False: "FAILED", None: "not run"}[proof["is_good"]]
        when = f", {_moment(proof['at'])}" if proof["at"] else ""
        named = f"{escape(proof['kind'])} <code>{escape(proof['name'])}</code>"
        yield f"<li>{word}: {named}{when}. {escape(proof['detail'])}</li>"
    if row["owed"]:
        yield f"<li>not shown yet: {escape(row['owed'])}</li>"
    yield "</ul></article>"


def _moment(text: str) -> str:
    return f'<time datetime="{escape(text)}">{datetime.fromisoformat(text):%d %B %Y %H:%M} UTC</time>'
