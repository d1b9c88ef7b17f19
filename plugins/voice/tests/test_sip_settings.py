"""What a connection says about its trunk: numbers as it wants them, faults, and what the phone is started with."""

from typing import Any

import pytest
from connectpulse_voice.sip import probe
from connectpulse_voice.sip import settings as trunk
from connectpulse_voice.sip.provider import SipProvider
from voice_scene import in_loop, settings

from connectpulse.core.api import ConnectionLost
from connectpulse.core.domain import form
from connectpulse.core.storage.embedded import free_port


@pytest.mark.parametrize(
    ("changes", "number", "caller"),
    [
        ({}, "+923001234567", "+9221"),
        ({"plus": "none"}, "923001234567", "9221"),
        ({"plus": "zeros"}, "00923001234567", "009221"),
        ({"plus": "none", "prefix": "99"}, "99923001234567", "9221"),
        ({"caller_id": "trunk7"}, "+923001234567", "trunk7"),
    ],
)
def test_numbers_are_written_as_the_trunk_wants(changes: dict[str, Any], number: str, caller: str) -> None:
    given = settings(5060, **changes)
    assert trunk.number(given, "+923001234567") == number
    assert trunk.caller(given, "+9221") == caller


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"registers": True}, "User"),
        ({"user": "acme@host"}, "User"),
        ({"password": 'a"b'}, "Password"),
        ({"caller_id": "a b"}, "Caller id"),
        ({"prefix": "+9;x"}, "Prefix"),
    ],
)
def test_faults_are_sentences(changes: dict[str, Any], word: str) -> None:
    assert [fault for fault in trunk.faults(settings(5060, **changes)) if fault.startswith(word)]


def test_a_plain_form_is_without_fault() -> None:
    given = form.read(trunk.FORM, {"host": "sip.example.com"})
    assert not SipProvider.check_settings(given)
    assert not SipProvider.check_settings({name: value for name, value in given.items() if name != "password"})


def test_calls_go_where_the_name_was_found() -> None:
    given = trunk.complete({"host": "sip.example.com", "port": 5070, "transport": "tcp"})
    made = trunk.terms(given, "192.0.2.7")
    assert (made["domain"], made["outbound"]) == ("sip.example.com:5070", "sip:192.0.2.7:5070;transport=tcp")
    assert made["interface"] is None
    assert trunk.terms(given, "2001:db8::1")["outbound"] == "sip:[2001:db8::1]:5070;transport=tcp"
    assert trunk.terms(trunk.complete({"host": "127.0.0.1", "port": 1}), "127.0.0.1")["interface"] == "127.0.0.1"
    verified = trunk.terms(given | {"transport": "tls"}, "192.0.2.7")
    assert verified["outbound"] is None, "the certificate bears the name"
    assert "sip_verify_server yes" in verified["directives"]


@in_loop
async def test_nobody_there_is_told_in_words() -> None:
    port = free_port()
    for transport in ("udp", "tcp", "tls"):
        with pytest.raises(ConnectionLost, match=f"127.0.0.1:{port} does not answer"):
            await probe.ask(settings(port, transport=transport), "127.0.0.1", f"127.0.0.1:{port}")
    found = await SipProvider(settings(port), None).check()  # type: ignore[arg-type]
    assert not found.is_working
    assert "does not answer" in found.steps[-1]
    lost = await SipProvider(settings(port, host="no.such.host.invalid"), None).check()  # type: ignore[arg-type]
    assert "cannot be resolved" in lost.steps[-1]
