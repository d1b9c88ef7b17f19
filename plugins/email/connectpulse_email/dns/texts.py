"""The texts of DNS records that mail rests on, read: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

_SPF: Final = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_TERM: Final = re.compile(r"(?P<sign>[+\-~?]?)(?P<name>all|include|a|mx|ptr|ip4|ip6|exists)(?P<rest>[:/].*)?", re.I)
_MODIFIER: Final = re.compile(r"(?P<name>[a-z][a-z0-9._-]*)=(?P<value>\S*)", re.I)
_ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists"})
"""Terms that make the receiver ask DNS (RFC 7208 section 4.6.4)."""


class Spf(NamedTuple):
    """An SPF record: how it judges whoever is not named (`+`, `-`, `~`, `?`, empty where it does not say), how many
    of its terms ask DNS, which other records it includes, and the one that judges in its place, empty where it says
    `all` itself (RFC 7208 section 6.1). `faults` are terms that are none."""

    ending: str
    questions: int
    includes: tuple[str, ...]
    redirect: str
    has_ptr: bool
    faults: tuple[str, ...]


def spf_records(texts: Iterable[str]) -> list[str]:
    """Return those of a domain's TXT records that are SPF."""
    return [text for text in texts if _SPF.match(text)]


def read_spf(text: str) -> Spf:
    """Read an SPF record."""
    ending, questions, redirect, has_ptr = "", 0, "", False
    includes: list[str] = []
    faults: list[str] = []
    for term in text.split()[1:]:
        found, modifier = _TERM.fullmatch(term), _MODIFIER.fullmatch(term)
        if found is not None:
            name = found["name"].lower()
            ending = (found["sign"] or "+") if name == "all" and not ending else ending
            questions += name in _ASKING
            has_ptr = has_ptr or name == "ptr"
            if name == "include":
                includes.append((found["rest"] or ":")[1:])
        elif modifier is not None:
            if modifier["name"].lower() == "redirect":
                questions += 1
                redirect = modifier["value"]
        else:
            faults.append(term)
    return Spf(ending, questions, tuple(includes), "" if ending else redirect, has_ptr, tuple(faults))


def tags(text: str) -> Mapping[str, str]:
    """Return the tags of a record written as `name=value; …` (DKIM, DMARC), without blanks in their values."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, _, value in pairs}


def is_dkim_of(text: str, algorithm: str, public_key: str) -> bool:
    """Return whether a DKIM record publishes this key."""
    found = tags(text)
    return found.get("p") == public_key and found.get("k", "rsa").lower() == algorithm


def dmarc_records(texts: Iterable[str]) -> list[str]:
    """Return those of a name's TXT records that are DMARC."""
    return [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)]


def above(domain: str) -> list[str]:
    """Return a domain and those above it, without the top: `a.b.example` gives `a.b.example`, `b.example`."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
