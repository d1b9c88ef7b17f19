"""Handing letters over: to a server that pipelines and one that does not, and one bad letter spoils no other."""

from dataclasses import replace

import pytest
from connectpulse_email.bounces import verp
from connectpulse_email.letter import Attachment
from connectpulse_email.sink import Options, Sink
from connectpulse_email.smtp import codes
from connectpulse_email.smtp.reply import Garbled, Replies, Reply
from connectpulse_email.smtp.samples import Handler, serving
from connectpulse_email.smtp.session import DATA, END, MAIL, RCPT, Answer
from email_scene import DOMAIN, KEY, SENDER, URDU, Caller, in_loop, letter, opened, read, scripted, shared, texts

from connectpulse.core.api import Accepted, ErrorClass, Rejected, TryLater, Unknown


@in_loop
async def test_a_batch_arrives_and_each_bad_letter_stays_alone() -> None:
    broken = {"content": {"subject": "s", "html": "{{"}, "sender": SENDER}
    batch = [letter(number) for number in range(1, 41)]
    batch[3] = letter(4, "nobody91@example.com")
    batch[7] = letter(8, shared=broken)
    batch[11] = letter(12, "critic94@example.com")
    batch[15] = letter(16, "later96@example.com")
    batch[19] = letter(20, "no address")
    batch[23] = letter(24, body=" ")
    batch[27] = letter(28, "lost97@example.com")
    async with Sink() as sink, opened(sink.port) as provider:
        outcomes = await provider.send_batch(batch)
        assert sink.record.summary()["messages"] == 40 - 7
    odd = {place: outcome for place, outcome in enumerate(outcomes) if not isinstance(outcome, Accepted)}
    assert odd == {
        3: Rejected("unknown_recipient", ErrorClass.RECIPIENT, "5.1.1", suppress=True),
        7: Rejected("content_unusable", ErrorClass.CONTENT),
        11: Rejected("refused_by_policy", ErrorClass.CONTENT, "5.7.1"),
        15: TryLater(codes.FIRST_WAIT, ErrorClass.RECIPIENT, "mailbox_busy", "4.2.1"),
        19: Rejected("invalid_recipient", ErrorClass.RECIPIENT),
        23: Rejected("no_subject", ErrorClass.CONTENT),
        27: Unknown(code="the connection was closed"),
    }
    assert outcomes[0] == Accepted(("1-1",))


@in_loop
async def test_a_letter_comes_from_a_return_address_of_its_own() -> None:
    async with Sink() as sink, opened(sink.port) as provider:
        await provider.send_batch([letter(255, attempt=2)])
        taken = sink.record.last()
        assert taken is not None
        assert taken.sender == verp.address("ff-2", DOMAIN, KEY)
        assert verp.read(taken.sender.upper(), DOMAIN, KEY) == "ff-2"
        assert texts(read(taken.content))[1].count("Hello Amina") == 1
    async with Sink() as sink, opened(sink.port, return_domain="") as provider:
        await provider.send_batch([letter(255)])
        taken = sink.record.last()
        assert taken is not None
        assert taken.sender == "news@acme.example"


@in_loop
async def test_another_server_reads_what_ours_writes() -> None:
    handler = Handler()
    paper = shared(f"<p>.{URDU} {{{{ name }}}}</p><pre>.\n..</pre>")
    async with serving(handler, enable_SMTPUTF8=True) as port, opened(port) as provider:
        batch = [letter(number, shared=paper, values={"name": ".\r\n."}) for number in range(1, 4)]
        outcomes = await provider.send_batch([*batch, letter(9, "آمنہ@example.com", shared=paper)])
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 4
    assert all(URDU in texts(read(each.content))[1] for each in handler.letters)
    assert {"آمنہ@example.com"} < {each.rcpt_tos[0] for each in handler.letters}


@in_loop
async def test_an_address_in_another_script_needs_a_server_that_takes_it() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome()
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port) as provider:
        assert await provider.send_batch([letter(to="آمنہ@example.com")]) == [
            Rejected("address_not_ascii", ErrorClass.RECIPIENT)
        ]


@in_loop
async def test_what_a_server_offers_is_used() -> None:
    seen: list[str] = []

    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING", "DSN", "SIZE 4000")
        for _ in range(2):
            seen.extend([await caller.line(verb) for verb in ("MAIL", "RCPT", "DATA")])  # all before any answer
            caller.say("250 ok", "250-ok", "250 ok", "354 go")
            await caller.content()
            caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2), letter(3, shared=shared("<p>long</p>" * 200))])
    assert outcomes == [Accepted(("1-1",)), Accepted(("2-1",)), Rejected("letter_too_large", ErrorClass.CONTENT)]
    assert seen[0].startswith("MAIL FROM:<b+1-1=")
    assert seen[0].endswith(" RET=HDRS ENVID=1-1")
    assert " SIZE=" in seen[0]
    assert seen[1] == "RCPT TO:<amina0001@example.com> NOTIFY=FAILURE,DELAY"


@in_loop
async def test_a_server_that_does_not_pipeline_is_asked_step_by_step() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome()
        await caller.line("MAIL")
        caller.say("250 ok")
        assert await caller.line("RCPT") == "RCPT TO:<amina0001@example.com>"
        caller.say("550 5.1.1 nobody")
        await caller.line("RSET")
        caller.say("250 ok")
        for verb in ("MAIL", "RCPT"):
            await caller.line(verb)
            caller.say("250 ok")
        await caller.line("DATA")
        caller.say("354 go")
        await caller.content()
        caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2)])
    assert [type(outcome) for outcome in outcomes] == [Rejected, Accepted]


@in_loop
async def test_a_refusal_among_pipelined_commands_leaves_the_session_in_order() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        for _ in range(3):
            for verb in ("MAIL", "RCPT", "DATA"):
                await caller.line(verb)
            caller.say("250 ok", "550 5.1.1 nobody", "354 go on for nobody")
            assert await caller.line() == "."
            caller.say("554 5.5.1 no recipients")
            await caller.line("RSET")
            caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(number) for number in (1, 2, 3)])
    assert {type(outcome) for outcome in outcomes} == {Rejected}


@in_loop
async def test_a_connection_lost_after_the_dot_is_unknown_and_before_it_is_not() -> None:
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            await caller.line(verb)
        if calls < 3:
            return  # ends before it agreed to take a letter
        caller.say("250 ok", "250 ok", "354 go")
        await caller.content()

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2)])
    assert [type(outcome) for outcome in outcomes] == [TryLater, Unknown]
    assert outcomes[0].error is ErrorClass.PROVIDER  # type: ignore[union-attr]


@in_loop
async def test_a_large_letter_cut_off_half_way_was_certainly_not_sent() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            await caller.line(verb)
        caller.say("250 ok", "250 ok", "354 go")
        await caller.reader.readexactly(100_000)
        caller.writer.transport.abort()

    large = shared(files=[Attachment("a.bin", "application/octet-stream", bytes(8_000_000))])
    async with scripted(script) as port, opened(port, sessions=1) as provider:
        (outcome,) = await provider.send_batch([letter(shared=large)])
    assert isinstance(outcome, TryLater)


@in_loop
async def test_a_kept_session_that_ended_meanwhile_costs_nothing() -> None:
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            await caller.line(verb)
        caller.say("250 ok", "250 ok", "354 go")
        await caller.content()
        caller.say("250 ok")
        if calls == 1:
            caller.say("421 4.4.2 idle too long")  # and hangs up

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        for number in (1, 2):
            assert await provider.send_batch([letter(number)]) == [Accepted((f"{number}-1",))]
    assert calls == 2


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["step by step", "pipelined"])
@in_loop
async def test_a_session_carries_so_many_letters_and_no_more(offers: tuple[str, ...]) -> None:
    quits = 0

    async def script(caller: Caller) -> None:
        nonlocal quits
        await caller.welcome(*offers)
        while True:
            said = await caller.line()
            if said == "QUIT":
                quits += 1
                caller.say("221 bye")
                return
            caller.say("354 go" if said == "DATA" else "250 ok")
            if said == "DATA":
                await caller.content()
                caller.say("250 ok")

    async with scripted(script) as port:
        async with opened(port, sessions=1, letters=2) as provider:
            outcomes = await provider.send_batch([letter(number) for number in range(1, 6)])
        assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert quits == 3


@in_loop
async def test_a_domain_that_asks_for_patience_rests_and_others_go_on() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome()
        while True:
            said = await caller.line()
            slow = "@slow.example" in said
            caller.say("450 4.7.1 not so fast" if slow else "354 go" if said == "DATA" else "250 ok")
            if said == "DATA":
                await caller.content()
                caller.say("250 ok")

    batch = [letter(number, f"a{number}@{'slow' if number < 4 else 'quick'}.example") for number in range(1, 7)]
    async with scripted(script) as port, opened(port, sessions=1) as provider:
        first = await provider.send_batch(batch[:1])
        rest = await provider.send_batch(batch[1:])
    assert first == [TryLater(codes.FIRST_WAIT, ErrorClass.RECIPIENT, "put_off", "4.7.1")]
    assert [type(outcome) for outcome in rest] == [TryLater] * 2 + [Accepted] * 3
    for outcome in rest[:2]:
        assert isinstance(outcome, TryLater)
        assert (outcome.is_attempt, outcome.reason) == (False, "domain_rests")
        assert 0 < outcome.after.total_seconds() == int(outcome.after.total_seconds()) <= 30


@pytest.mark.parametrize("step", [MAIL, RCPT, DATA, END])
def test_every_code_of_the_table_and_every_other_means_something(step: str) -> None:
    for code in ("421", "450", "451", "452", "500", "530", "550", "552", "553", "554", "599"):
        for status in ("", *codes.ERRORS, "4.9.9", "5.9.9", "4.7.500", "5.7.999", "5.6.7"):
            status = status if "." in status and status[0] == code[0] else ""
            outcome = codes.outcome(Answer(step, Reply(int(code), status, ("words",))), 3)
            assert isinstance(outcome, TryLater if code < "500" else Rejected), (code, status)
            if isinstance(outcome, Rejected):
                assert outcome.suppress == (status in codes.HARD and step != MAIL)
            else:
                assert 30 <= outcome.after.total_seconds() <= codes.LONGEST_WAIT.total_seconds()


@pytest.mark.parametrize(
    ("step", "code", "status", "error", "reason"),
    [
        (RCPT, 550, "5.2.2", ErrorClass.RECIPIENT, "mailbox_full"),
        (RCPT, 550, "", ErrorClass.RECIPIENT, "refused_for_recipient"),
        (RCPT, 554, "5.7.1", ErrorClass.CONTENT, "refused_by_policy"),
        (MAIL, 550, "5.7.1", ErrorClass.SENDER, "sender_refused"),
        (MAIL, 552, "5.3.4", ErrorClass.CONTENT, "letter_too_large"),
        (MAIL, 530, "5.7.0", ErrorClass.CREDENTIAL, "login_required"),
        (END, 550, "5.7.26", ErrorClass.SENDER, "sender_not_authenticated"),
        (END, 550, "5.7.515", ErrorClass.SENDER, "sender_not_authenticated"),
        (END, 554, "", ErrorClass.CONTENT, "refused_by_policy"),
        (END, 552, "", ErrorClass.CONTENT, "letter_too_large"),
    ],
)
def test_a_refusal_is_whose_fault_it_is(step: str, code: int, status: str, error: ErrorClass, reason: str) -> None:
    outcome = codes.outcome(Answer(step, Reply(code, status, ())), 1)
    assert isinstance(outcome, Rejected)
    assert (outcome.error, outcome.reason) == (error, reason)


def test_attempts_wait_longer_each_time_from_minutes_to_hours() -> None:
    answer = Answer(RCPT, Reply(451, "4.7.1", ("greylisted",)))
    waits = [codes.outcome(answer, number) for number in range(1, 7)]
    assert [wait.after.total_seconds() / 60 for wait in waits if isinstance(wait, TryLater)] == [
        5,
        20,
        80,
        240,
        240,
        240,
    ]


def test_replies_are_cut_wherever_the_network_cuts_them() -> None:
    stream = b"250-mx\r\n250-PIPELINING\r\n250 8BITMIME\r\n550 5.1.1 nobody \xff\r\n354\r\n"
    whole = list(Replies().feed(stream))
    assert [(reply.code, reply.status) for reply in whole] == [(250, ""), (550, "5.1.1"), (354, "")]
    reader = Replies()
    assert [reply for byte in stream for reply in reader.feed(bytes([byte]))] == whole
    assert reader.is_empty


@pytest.mark.parametrize(
    "stream", [b"hello\r\n", b"HTTP/1.1 200 OK\r\n", b"99 x\r\n", b"x" * 70_000, b"250-a\r\n" * 20_000]
)
def test_what_is_no_reply_ends_the_talk(stream: bytes) -> None:
    with pytest.raises(Garbled):
        list(Replies().feed(stream))


def test_shares_of_the_sink_are_shares() -> None:
    options = Options(refused=10, undeliverable=20)
    fates = [options.fate(f"user{number}00@example.com") for number in range(2000)]
    assert 150 < sum(bool(fate.reply) for fate in fates) < 250
    assert 320 < sum(bool(fate.bounce) for fate in fates) < 480
    assert replace(options, seed=1).fate("x@example.com") == replace(options, seed=1).fate("x@example.com")
    with pytest.raises(ValueError, match="100 percent"):
        Options(refused=60, undeliverable=50)
