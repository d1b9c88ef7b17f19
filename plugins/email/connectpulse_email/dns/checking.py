"""Asking DNS about a sender's domain, and judging the answers as receivers of mail do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from connectpulse.core.api import NoAnswer, ask_dns

from . import texts
from .findings import BAD, OK, UNKNOWN, WARN, Finding

DKIM, NEXT = "DKIM", "The next DKIM key"
PATIENCE: Final = 9.0
"""Seconds for all questions about one domain."""
_MOST_QUESTIONS: Final = 10
"""RFC 7208 section 4.6.4: beyond that a receiver gives an error instead of a result."""


class Published(NamedTuple):
    """A key that should be in DNS: its record's name and value, and whether letters are signed with it already."""

    domain: str
    name: str
    value: str
    algorithm: str
    public_key: str
    is_signing: bool


def check(domain: str, keys: Sequence[Published], bounce_domain: str = "") -> list[Finding]:
    """Return what DNS says of a domain, the key that signs first among `keys`; waits for the network, ten seconds
    at most."""
    return asyncio.run(_check(domain, keys, bounce_domain))


async def _check(domain: str, keys: Sequence[Published], bounce_domain: str) -> list[Finding]:
    asked: list[tuple[str, Callable[[], Awaitable[Finding]]]] = [
        (DKIM, lambda: dkim(domain, keys[0] if keys else None)),
        *[(NEXT, partial(next_key, each)) for each in keys[1:]],
        ("SPF", lambda: spf(domain)),
        ("DMARC", lambda: dmarc(domain, keys[0] if keys else None)),
    ]
    if bounce_domain:
        asked.append(("Bounces", lambda: bounces(domain, bounce_domain)))
    return list(await asyncio.gather(*(_within(what, ask) for what, ask in asked)))


async def _within(what: str, ask: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE):
            return await ask()
    except (NoAnswer, TimeoutError):
        return Finding(what, UNKNOWN, "DNS gave no answer. It is asked again by itself, or press Check now.")


async def dkim(domain: str, key: Published | None) -> Finding:
    """Judge the record of the key letters are signed with, or will be first."""
    if key is None:
        return Finding(DKIM, BAD, f"There is no key that signs letters of {domain}. Make one.")
    found = await ask_dns(key.name, "TXT")
    if _publishes(found, key):
        return Finding(DKIM, OK, "The key is published: letters are signed with it.", *_record(key))
    lost = "Letters are signed with a key that receivers cannot find: they may be refused. " if key.is_signing else ""
    if found:
        says = f"{lost}Another key is published under this name. Replace it by this one."
        return Finding(DKIM, BAD, says, *_record(key))
    return Finding(DKIM, BAD, f"{lost}The key is not published yet. Add this record.", *_record(key))


async def next_key(key: Published) -> Finding:
    """Judge the record of a key that waits to take the place of another."""
    if _publishes(await ask_dns(key.name, "TXT"), key):
        return Finding(NEXT, OK, "The next key is published: letters are signed with it from now on.", *_record(key))
    says = "The next key is not published yet. Add this record; until then the one before signs."
    return Finding(NEXT, WARN, says, *_record(key))


def _publishes(found: Sequence[str], key: Published) -> bool:
    return any(texts.is_dkim_of(text, key.algorithm, key.public_key) for text in found)


def _record(key: Published) -> tuple[str, str, str]:
    return key.name, "TXT", key.value


async def spf(domain: str) -> Finding:
    """Judge the record that says which servers send for a domain."""
    found = texts.spf_records(await ask_dns(domain, "TXT"))
    if not found:
        says = (
            "No record says which servers send for this domain. Add one with the servers that do: the operator of "
            "your mail server tells you what to write, often include: and a name. This one names the servers that "
            "receive the domain's mail."
        )
        return Finding("SPF", BAD, says, domain, "TXT", "v=spf1 mx ~all")
    if len(found) > 1:
        return Finding("SPF", BAD, f"There are {len(found)} SPF records; receivers accept one. Join them into one.")
    read = texts.read_spf(found[0])
    if read.faults:
        return Finding("SPF", BAD, f"The record has a term that is none: {read.faults[0]!r}. Correct it.")
    questions, ending, fault = await _followed(read, 0, {domain})
    if fault:
        return Finding("SPF", BAD, fault)
    if questions > _MOST_QUESTIONS:
        says = f"The record takes more than {_MOST_QUESTIONS} questions to DNS to read, so receivers ignore it."
        return Finding("SPF", BAD, f"{says} Take out each include: that you do not need.")
    return _ending(domain, found[0], ending, has_ptr=read.has_ptr)


async def _followed(read: texts.Spf, before: int, seen: set[str]) -> tuple[int, str, str]:
    """Return how many questions a record takes in all, how it ends, and in a sentence what is wrong further on.

    A redirect passes its ending on. An include only says yes or nothing (RFC 7208 section 5.2), so one that ends in
    +all says yes to anybody, and any other ending of it counts for nothing.
    """
    questions, ending = before + read.questions, read.ending
    further = [(name, False) for name in read.includes] + ([(read.redirect, True)] if read.redirect else [])
    for name, is_redirect in further:
        if questions > _MOST_QUESTIONS or "%" in name or name in seen:
            continue
        found = texts.spf_records(await ask_dns(name, "TXT"))
        if not found:
            says = f"The record names {name}, which has no SPF record. Take it out, or correct it."
            return questions, ending, says
        questions, ended, fault = await _followed(texts.read_spf(found[0]), questions, seen | {name})
        if not fault and ended == "+" and not is_redirect:
            fault = f"The record includes {name}, which lets anybody send in your name (+all). Take it out."
        if fault:
            return questions, ending, fault
        ending = ended if is_redirect else ending
    return questions, ending, ""


def _ending(domain: str, text: str, ending: str, *, has_ptr: bool) -> Finding:
    better = (domain, "TXT", f"{text.rpartition(' ')[0]} ~all")
    if ending == "+":
        return Finding("SPF", BAD, "The record lets anybody send in your name (+all). End it in ~all.", *better)
    if ending in ("", "?"):
        better = better if ending == "?" else (domain, "TXT", f"{text} ~all")
        return Finding("SPF", WARN, "The record does not say what holds for other servers. End it in ~all.", *better)
    if has_ptr:
        return Finding("SPF", WARN, "The record uses ptr, which many receivers ignore. Name the servers instead.")
    return Finding("SPF", OK, "A record says which servers send for this domain. See that yours is among them.")


async def dmarc(domain: str, key: Published | None) -> Finding:
    """Judge the policy receivers follow for what proves false, and whether our signature counts for it."""
    wanted = (f"_dmarc.{domain}", "TXT", "v=DMARC1; p=none")
    for name in texts.above(domain):
        found = texts.dmarc_records(await ask_dns(f"_dmarc.{name}", "TXT"))
        if found:
            return _policy(domain, name, found, key)
    says = "No record says what receivers should do with forged letters; large ones ask for it. Add this one."
    return Finding("DMARC", BAD, says, *wanted)


def _policy(domain: str, name: str, found: Sequence[str], key: Published | None) -> Finding:
    if len(found) > 1:
        says = f"There are {len(found)} DMARC records at _dmarc.{name}; receivers ignore them all. Leave one."
        return Finding("DMARC", BAD, says)
    tags = texts.tags(found[0])
    policy = tags.get("sp" if name != domain and "sp" in tags else "p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        says = f"The record at _dmarc.{name} has no policy: p= must be none, quarantine or reject."
        return Finding("DMARC", BAD, says, f"_dmarc.{name}", "TXT", "v=DMARC1; p=none")
    if key is not None and tags.get("adkim", "r").lower() == "s" and key.domain != domain:
        says = f"The policy asks that letters of {domain} are signed by this very domain (adkim=s). Make a key for it."
        return Finding("DMARC", BAD, says)
    if policy == "none":
        return Finding("DMARC", OK, "Receivers do nothing about forged letters. That is enough to begin with.")
    return Finding("DMARC", OK, f"Receivers are told what to do with forged letters: {policy}.")


async def bounces(domain: str, bounce_domain: str) -> Finding:
    """Judge whether letters that cannot be delivered find their way back."""
    hosts = [each.split()[-1] for each in await ask_dns(bounce_domain, "MX")]
    if not hosts or hosts == ["."]:
        says = f"Mail to {bounce_domain} goes nowhere: bounces are not seen. Let the server that takes them be its MX."
        return Finding("Bounces", BAD, says, bounce_domain, "MX", "10 the-server-that-takes-bounces")
    if not (bounce_domain == domain or bounce_domain.endswith(f".{domain}") or domain.endswith(f".{bounce_domain}")):
        says = f"Bounces to {bounce_domain} find their way. As it is not below {domain}, DMARC may count DKIM alone."
        return Finding("Bounces", WARN, says)
    return Finding("Bounces", OK, f"Bounces to {bounce_domain} find their way to {hosts[0]}.")
