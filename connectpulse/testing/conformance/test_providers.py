"""A provider's tables are complete, its secrets secret, its disclosure honest, its callbacks verified."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectpulse.core.domain import form
from connectpulse.core.domain.form import Kind
from connectpulse.core.domain.message import MessageState
from connectpulse.core.domain.outcome import ErrorClass
from connectpulse.core.domain.provider import (
    Ambiguity,
    Approval,
    Callback,
    Capability,
    Event,
    Provider,
    Receipt,
    TemplateWord,
)
from connectpulse.core.errors import Refused
from connectpulse.house import House

REPORTED = frozenset(MessageState) - {
    MessageState.QUEUED,
    MessageState.SUBMITTING,
    MessageState.SKIPPED,
    MessageState.CANCELLED,
}
"""States a provider may report; the others are ours to decide."""

_SECRET = re.compile(r"(^|_)(password|passwd|passphrase|secret|token|key|pin|credentials?)$")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,59}")


def values(provider: type[Provider]) -> dict[str, Any]:
    """Return the provider's sample settings as a connection would hold them."""
    return form.read(provider.settings_form, provider.samples().settings)


def test_it_serves_a_channel_that_is_there(provider: type[Provider], house: House) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", provider.name)
    assert provider.title.strip()
    assert provider.channel in house.registry.channels


def test_its_form_asks_each_question_once(provider: type[Provider]) -> None:
    names = form.names(provider.settings_form)
    assert len(names) == len(set(names))
    for field in provider.settings_form:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field.name)
        assert field.label.strip()
        if field.default is not None:
            assert field.read(field.default) == field.default, f"the default of {field.name} is not a value of it"


def test_its_secrets_are_secret(provider: type[Provider]) -> None:
    texts = (Kind.TEXT, Kind.LONG_TEXT, Kind.JSON)
    shown = [f.name for f in provider.settings_form if f.kind in texts and _SECRET.search(f.name)]
    assert not shown, f"{', '.join(shown)}: give them Kind.SECRET, or a name that does not sound like one"


def test_its_blank_form_is_read_or_refused(provider: type[Provider]) -> None:
    try:
        form.read(provider.settings_form, {})
    except Refused as refusal:
        required = {field.name for field in provider.settings_form if field.is_required}
        assert set(refusal.fields) <= required, "a field that is not required is refused when left empty"


def test_its_sample_settings_are_valid(provider: type[Provider]) -> None:
    assert provider.check_settings(values(provider)) == []


def test_its_presets_fit_its_form(provider: type[Provider]) -> None:
    fields = {field.name: field for field in provider.settings_form}
    for title, preset in provider.presets.items():
        assert title.strip()
        for name, value in preset.items():
            assert name in fields, f"preset {title!r} sets {name}, which the form does not ask"
            fields[name].read(value)


def test_it_says_what_leaves_the_house(provider: type[Provider]) -> None:
    settings = values(provider)
    disclosure = provider.disclosure(settings)
    is_within = provider.samples().peer is None and not disclosure.fields
    assert disclosure.hosts or is_within, "to which hosts?"
    if Capability.SIMULATED in provider.capabilities:
        assert not disclosure.hosts, "a provider that only simulates discloses nothing"
    assert disclosure.fields or not disclosure.hosts, "which fields?"
    told = (*disclosure.hosts, *disclosure.fields, *disclosure.countries)
    assert all(isinstance(each, str) and each.strip() for each in told)
    assert all(re.fullmatch("[A-Z]{2}", country) for country in disclosure.countries), "countries as ISO 3166 codes"
    for name in form.secrets(provider.settings_form):
        assert not settings.get(name) or str(settings[name]) not in told, f"it discloses {name}"


def test_its_tables_speak_our_language(provider: type[Provider]) -> None:
    for code, (error, reason) in provider.errors.items():
        assert len(code) <= 40
        assert isinstance(error, ErrorClass), f"{code}: {error!r} is no ErrorClass"
        assert _REASON.fullmatch(reason), f"{code}: a reason is snake_case, at most 60 letters: {reason!r}"
    for theirs, state in provider.states.items():
        assert isinstance(theirs, str)
        assert state in REPORTED, f"{theirs}: no provider decides {state!r}"


def test_it_says_what_to_do_about_a_lost_answer(provider: type[Provider]) -> None:
    kinds = {provider.ambiguity, provider.ambiguity_of(values(provider))}
    assert all(isinstance(kind, Ambiguity) for kind in kinds)
    if Ambiguity.LOOKUP in kinds:
        assert provider.lookup is not Provider.lookup, "it says LOOKUP and cannot look up"


def test_it_can_what_it_says(provider: type[Provider]) -> None:
    assert all(isinstance(each, Capability) for each in provider.capabilities)
    if Capability.SESSION in provider.capabilities:
        assert provider.open is not Provider.open, "it says SESSION and opens none"
    if Capability.TEMPLATES in provider.capabilities:
        for name in ("submit_template", "ask_templates"):
            assert getattr(provider, name) is not getattr(Provider, name), f"{name} must say something"
    if Capability.CALLBACKS in provider.capabilities:
        samples = provider.samples()
        assert samples.callbacks, "it takes callbacks and has no sample of one"
        assert samples.forged, "it takes callbacks and has no sample of a forged one"


def test_it_reads_its_callbacks(provider: type[Provider]) -> None:
    pairs = _callbacks(provider)
    settings = values(provider)
    for callback, events in pairs:
        asked = provider.proof_address(settings, callback)
        assert bool(asked) == bool(callback.proof), "a sample holds the document that proves it, and only then"
        assert not asked or asked.startswith("https://"), "a document that proves something comes over TLS"
        assert provider.verify_callback(settings, callback) is True, f"a genuine callback is refused: {callback}"
        read = list(provider.parse_callback(settings, callback))
        assert read == list(events)
        for event in read:
            _check_event(event)
        media, word = provider.answer_callback(settings, callback)
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", media), f"it answers with {media!r}, which is no media type"
        assert isinstance(word, str)


def _check_event(event: Event) -> None:
    if isinstance(event, Receipt):
        assert event.reference
        assert event.state in REPORTED
        assert event.occurred_at is None or event.occurred_at.tzinfo is not None, "times are aware"
    elif isinstance(event, TemplateWord):
        assert event.reference
        assert event.state is None or event.state in Approval
    else:
        assert event.address
        assert event.recipient


def test_it_refuses_forged_callbacks(provider: type[Provider]) -> None:
    settings = values(provider)
    genuine = [callback for callback, _ in _callbacks(provider)]
    for callback in (*provider.samples().forged, *_stripped(genuine)):
        assert not provider.verify_callback(settings, callback), f"a forged callback passes: {callback}"


def test_no_request_chooses_where_its_proof_lies(provider: type[Provider]) -> None:
    settings = values(provider)
    for callback, _ in _callbacks(provider):
        host = urlsplit(provider.proof_address(settings, callback)).netloc
        if not host:
            continue
        for other in ("other.example", f"{host}.other.example", f"{host}@other.example", f"{host}:444"):
            moved = replace(callback, body=callback.body.replace(host.encode(), other.encode()))
            asked = urlsplit(provider.proof_address(settings, moved)).netloc
            assert asked in ("", host), f"a request has a document of {asked} fetched"


def test_nonsense_makes_no_other_error(provider: type[Provider]) -> None:
    settings = values(provider)
    for callback, _ in _callbacks(provider):
        for body in (b"", b"\xff\xfe\x00", b"{", b"[]", b"null", b"<a>", callback.body[:-1]):
            for query in ((), (("a", "\x00"),)):
                odd = replace(callback, body=body, query=query, url=callback.url.partition("?")[0])
                provider.verify_callback(settings, odd)
                provider.proof_address(settings, odd)
                provider.visit_address(settings, odd)
                try:
                    provider.parse_callback(settings, odd)
                except ValueError:
                    continue


def _callbacks(provider: type[Provider]) -> list[tuple[Callback, Any]]:
    pairs = list(provider.samples().callbacks)
    if not pairs:
        pytest.skip(f"{provider.name} takes no callbacks")
    return pairs


def _stripped(genuine: list[Callback]) -> Iterator[Callback]:
    """Return the callbacks as anybody could send them: without headers, and without a query."""
    for callback in genuine:
        bare = urlsplit(callback.url)._replace(query="").geturl()
        yield replace(callback, headers={}, query=(), url=bare)
