"""Where a request comes from: refuses hosts that are not this site's, and what pages of other sites send.

The token in every form is the first defence; this one needs nothing to be remembered by a page. Addresses for
machines are left out: they read no cookie, and have proofs of their own.
"""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, redirect, request
from werkzeug.exceptions import BadRequest, Forbidden

from . import current

_FOR_MACHINES = frozenset({"api", "callbacks", "health", "hooks"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none", ""})
"""What `Sec-Fetch-Site` says of a page of ours, of an address typed in, and of a browser that does not say."""


def install(app: Flask) -> None:
    """Refuse what comes from elsewhere, before anything else looks at it."""
    app.before_request(_check)


def _check() -> Any:
    public = urlsplit(current.the_house().settings.public_url)
    if request.blueprint in _FOR_MACHINES or request.endpoint == "static":
        return None
    if not is_our_host(_host(request.host), public.hostname or ""):
        raise BadRequest("This host is not the site's.")
    if public.scheme == "https" and request.scheme == "http" and "X-Forwarded-Proto" in request.headers:
        return _to_https(public.geturl())
    if request.method not in _HARMLESS and not _is_same_site():
        raise Forbidden("Sent by a page of another site.")
    return None


def _host(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def is_our_host(host: str, public: str) -> bool:
    """Return whether the site answers to `host`: the public name, and on the machine itself.

    A site without a public name, just tried out, also answers to a bare address: no stranger's name leads to one.
    """
    if host in _LOOPBACK or host == public.lower():
        return True
    return public in _LOOPBACK and _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _to_https(public_url: str) -> Any:
    """Lead a page to https; what was typed into a form has been on the way in the clear and is not taken."""
    if request.method in ("GET", "HEAD"):
        return redirect(public_url.rstrip("/") + request.full_path.rstrip("?"), 308)
    raise Forbidden("Sent over http.")


def _is_same_site() -> bool:
    """Return whether this request was sent by one of our own pages, as far as the browser says."""
    if request.headers.get("Sec-Fetch-Site", "") not in _OURS:
        return False
    origin = request.headers.get("Origin")
    return origin is None or _host(urlsplit(origin).netloc) == _host(request.host)
