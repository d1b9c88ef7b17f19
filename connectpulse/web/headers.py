"""Headers of every answer: what a browser may load, frame, keep and tell others.

Scripts and styles come from this site only; nothing inline runs, save what carries the request's nonce.
"""

import secrets

from flask import Flask, Response, g, request

from . import current

_STATIC = frozenset({"static", "appbuilder.static", "plugin_files"})

_UNUSED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
    "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock",
    "sync-xhr", "usb", "xr-spatial-tracking",
)  # fmt: skip
_PERMISSIONS = ", ".join(f"{each}=()" for each in _UNUSED)
"""What no page of ours asks a browser for, and no script that got into one shall."""


def nonce() -> str:
    """Return the random word of this answer that lets its own inline scripts run."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    word: str = g.nonce
    return word


def install(app: Flask) -> None:
    """Send the headers with every answer of `app`."""
    app.jinja_env.globals["csp_nonce"] = nonce
    app.after_request(_add)


def framed(response: Response) -> Response:
    """Let an answer be a document of anybody's making, in a frame of ours: it runs nothing and reaches nobody.

    Pictures may come from https addresses, as they will where it is read.
    """
    response.headers["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; media-src data:; "
        "font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _add(response: Response) -> Response:
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
        f"style-src 'self' 'nonce-{nonce()}'; script-src 'self' 'nonce-{nonce()}'; "
        "manifest-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("X-Permitted-Cross-Domain-Policies", "none")
    response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
    if current.the_house().settings.public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    response.headers["X-Request-ID"] = current.request_id()
    if request.endpoint not in _STATIC:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
