"""Reading rates: from what somebody typed, and from a CSV file, with every fault by its line."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from connectpulse.core.api import Refused, Work

from .measures import STEPS

HEADINGS = ("channel", "prefix", "sender_kind", "category", "per", "units")
MOST_ROWS = 100_000
MOST_BYTES = 8 * 2**20
_MOST_UNITS = Decimal(10) ** 9
_PREFIX = re.compile(r"\+[1-9]\d{0,14}|[A-Z]{2}\.")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,61}[a-z0-9]")
_WORD = re.compile(r"[a-z0-9][a-z0-9_ -]{0,39}")
_PLACES = Decimal("0.0001")

Key = tuple[str, str, str, str]
"""Channel, prefix, kind of sender, category: one rate of a version."""


class Price(NamedTuple):
    """What a rate says: so many units for each `per`."""

    per: str
    units: Decimal


class Fault(NamedTuple):
    """What is wrong with a line of a file; the heading is line 1."""

    line: int
    reason: str


def read_rate(work: Work, typed: Mapping[str, Any]) -> tuple[Key, Price]:
    """Return the rate that `typed` tells, by the headings of a file; raise Refused with what is wrong."""
    channel = str(typed.get("channel") or "").strip().lower()
    if channel not in work.registry.channels:
        raise Refused(f"There is no channel {channel[:20]!r}. There are {', '.join(sorted(work.registry.channels))}.")
    prefix = _prefix(str(typed.get("prefix") or "").strip(), work.registry.channel(channel).scheme)
    kind = _word("sender_kind", typed)
    kinds = {each.name for each in work.registry.channel(channel).sender_kinds}
    if kind and kind not in kinds:
        raise Refused(f"{channel} has no kind of sender {kind!r}. It has {', '.join(sorted(kinds))}.")
    per = str(typed.get("per") or "").strip().lower().replace(" ", "_")
    if per not in STEPS:
        raise Refused(f"{per[:20]!r} is not a measure. Write one of {', '.join(STEPS)}.")
    return (channel, prefix, kind, _word("category", typed)), Price(per, _units(typed.get("units")))


def read_file(work: Work, content: bytes) -> tuple[dict[Key, Price], list[Fault]]:
    """Return the rates of a CSV file and every line that is wrong; a file that is none at all raises Refused."""
    if len(content) > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES // 2**20} MB. Split it into cards.")
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("The file is not text in UTF-8. Save it as CSV UTF-8.") from None
    reader = csv.DictReader(io.StringIO(words, newline=""), delimiter=_separator(words))
    headings = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    missing = [name for name in ("channel", "prefix", "per", "units") if name not in headings]
    if missing:
        raise Refused(f"The first line lacks {', '.join(missing)}. It should read {','.join(HEADINGS)}.")
    unknown = [name for name in headings if name not in HEADINGS]
    if unknown:
        raise Refused(f"There is no column {unknown[0][:30]!r}. The first line should read {','.join(HEADINGS)}.")
    reader.fieldnames = headings
    return _collect(work, reader)


def _collect(work: Work, reader: "csv.DictReader[str]") -> tuple[dict[Key, Price], list[Fault]]:
    rates: dict[Key, Price] = {}
    faults: list[Fault] = []
    lines: dict[Key, int] = {}
    for line, row in _rows(reader, faults):
        if len(rates) + len(faults) >= MOST_ROWS:
            raise Refused(f"The file has more than {MOST_ROWS:,} lines. Split it into cards.")
        if None in row or None in row.values():
            faults.append(Fault(line, "It has not as many columns as the first line."))
            continue
        try:
            key, price = read_rate(work, row)
        except Refused as refusal:
            faults.append(Fault(line, refusal.problems[0]))
            continue
        if key in rates:
            faults.append(Fault(line, f"The same rate stands on line {lines[key]} already."))
            continue
        rates[key], lines[key] = price, line
    return rates, faults


def _rows(reader: "csv.DictReader[str]", faults: list[Fault]) -> Iterator[tuple[int, dict[str, Any]]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(Fault(reader.line_num, f"It cannot be read as CSV: {error}."))
            return
        yield reader.line_num, row


def _separator(words: str) -> str:
    heading = words.partition("\n")[0]
    return max(",;\t", key=heading.count)


def _prefix(typed: str, scheme: str) -> str:
    if typed in ("", "*", "any"):
        return ""
    if scheme == "email":
        domain = typed.removeprefix("@").lower()
        if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
            raise Refused(f"{typed[:30]!r} is not a domain. Write it like example.com, or leave it empty for any.")
        return domain
    compact = typed.translate(str.maketrans("", "", " -"))
    compact = "+" + compact[2:] if compact.startswith("00") else compact
    if compact[:1].isdigit():
        compact = "+" + compact
    if not compact.isascii() or not _PREFIX.fullmatch(compact):
        raise Refused(f"{typed[:30]!r} is not the beginning of a number. Write it like +92300, or empty for any.")
    return compact


def _word(name: str, typed: Mapping[str, Any]) -> str:
    word = str(typed.get(name) or "").strip().lower()
    if word in ("", "*", "any"):
        return ""
    if not _WORD.fullmatch(word):
        raise Refused(f"{word[:30]!r} is no {name.replace('_', ' ')}: write letters and digits, at most 40.")
    return word


def _units(typed: Any) -> Decimal:
    said = str("" if typed is None else typed).strip()
    if not said:
        raise Refused("The units are missing. Nothing is free by leaving a price out: write 0 where it shall be.")
    try:
        units = Decimal(said)
    except InvalidOperation:
        raise Refused(f"{said[:20]!r} is not a number of units. Write it like 1.25.") from None
    if not units.is_finite() or not 0 <= units <= _MOST_UNITS:
        raise Refused(f"{said[:20]!r} is not a price: write a number from 0 to {_MOST_UNITS:,f}.")
    if units != units.quantize(_PLACES):
        raise Refused(f"{said[:20]!r} has more than four decimals.")
    return units.quantize(_PLACES)
