"""The next letter's commands leave with the end of the one before (RFC 2920 section 3.1), and none is lost by it."""

import asyncio

import pytest
from email_scene import Caller, in_loop, letter, opened, scripted

from connectpulse.core.api import Accepted, ErrorClass, Rejected, Unknown

GO_ON = ("250 ok", "250 ok", "354 go")


@in_loop
async def test_the_next_letter_is_announced_with_the_end_of_the_one_before() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON)
        for number in (2, 3):
            await caller.content()
            assert await caller.commands() == f"amina{number:04}@example.com"  # before any answer
            caller.say("250 ok", *GO_ON)
        await caller.content()
        caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(number) for number in (1, 2, 3)])
    assert outcomes == [Accepted((f"{number}-1",)) for number in (1, 2, 3)]


@in_loop
async def test_each_refusal_stays_with_its_letter() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        await caller.commands()
        caller.say("554 5.7.1 not this one", "250 ok", "550 5.1.1 nobody", "354 go on for nobody")
        assert await caller.line() == "."
        caller.say("554 5.5.1 no recipients")
        await caller.line("RSET")
        caller.say("250 ok")
        await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(number) for number in (1, 2, 3)])
    assert outcomes == [
        Rejected("refused_by_policy", ErrorClass.CONTENT, "5.7.1"),
        Rejected("unknown_recipient", ErrorClass.RECIPIENT, "5.1.1", suppress=True),
        Accepted(("3-1",)),
    ]


@pytest.mark.parametrize(
    ("last_words", "first"),
    [
        (("250 ok",), Accepted(("1-1",))),
        (("250 ok", "421 4.3.2 going down"), Accepted(("1-1",))),
        (("250 ok", "250 ok", "250 ok"), Accepted(("1-1",))),
        ((), Unknown(code="the connection was closed")),
    ],
)
@in_loop
async def test_a_letter_that_was_only_announced_goes_once_more(last_words: tuple[str, ...], first: object) -> None:
    taken: list[str] = []
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        whose = await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        taken.append(whose)
        if calls == 1:
            await caller.commands()
            caller.say(*last_words)  # and hangs up
            return
        caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2)])
    assert outcomes == [first, Accepted(("2-1",))]
    assert taken == ["amina0001@example.com", "amina0002@example.com"]


@in_loop
async def test_a_reply_too_many_is_never_taken_for_the_next_letters() -> None:
    """The server says one line more than it was asked for, and refuses the second letter."""
    taken: list[str] = []

    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        while True:
            whose = await caller.commands()
            caller.say(*GO_ON)
            await caller.content()
            if whose == "amina0002@example.com":
                caller.say("554 5.7.1 not this one")
                continue
            taken.append(whose)
            caller.say("250 ok", "250 ok again")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(number) for number in (1, 2, 3)])
    assert outcomes == [
        Accepted(("1-1",)),
        Rejected("refused_by_policy", ErrorClass.CONTENT, "5.7.1"),
        Accepted(("3-1",)),
    ]
    assert taken == ["amina0001@example.com", "amina0003@example.com"]


@pytest.mark.parametrize("surplus", ["500 5.5.2 what?", "451 4.3.0 hm", "250 ok"])
@in_loop
async def test_no_letter_is_blamed_for_a_reply_too_many(surplus: str) -> None:
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        if calls == 1:
            await caller.commands()
            caller.say("250 ok", surplus, *GO_ON)
            await caller.line()
        caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2)])
    assert outcomes == [Accepted(("1-1",)), Accepted(("2-1",))]
    assert calls == 2


@in_loop
async def test_what_was_said_before_a_letter_is_no_answer_to_it() -> None:
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON, *(["250 hm"] if calls == 1 else []))
        await caller.content()
        caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        assert await provider.send_batch([letter(1)]) == [Accepted(("1-1",))]
    assert calls == 2


@in_loop
async def test_a_refusal_stands_though_the_server_hangs_up_on_it() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say("250 ok", "550 5.1.1 nobody", "503 5.5.1 no")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1)])
    assert outcomes == [Rejected("unknown_recipient", ErrorClass.RECIPIENT, "5.1.1", suppress=True)]


@in_loop
async def test_a_server_that_allows_fewer_sessions_gets_all_letters_over_those() -> None:
    open_ones = 0

    async def script(caller: Caller) -> None:
        nonlocal open_ones
        if open_ones == 2:
            caller.say("421 4.7.0 too many connections")
            return
        open_ones += 1
        await caller.welcome("PIPELINING")
        while await caller.line() != "QUIT":
            await caller.line("RCPT")
            await caller.line("DATA")
            caller.say(*GO_ON)
            await caller.content()
            caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=5) as provider:
        for count in (5, 20, 60):
            outcomes = await provider.send_batch([letter(number) for number in range(1, count + 1)])
            assert {type(outcome) for outcome in outcomes} == {Accepted}


@in_loop
async def test_a_letter_whose_end_is_answered_as_nobody_would_is_unknown() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        caller.say("354 go on")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1)])
    assert outcomes == [Unknown(code="the server said 354 to end of data")]


@in_loop
async def test_nothing_more_is_announced_where_what_follows_a_letter_is_lost() -> None:
    """Something on the way throws away what comes in one piece with the end of a letter: that costs time once."""
    calls = 0

    async def script(caller: Caller) -> None:
        nonlocal calls
        calls += 1
        await caller.welcome("PIPELINING")
        while await caller.line() != "QUIT":
            await caller.line("RCPT")
            await caller.line("DATA")
            caller.say(*GO_ON)
            await caller.content()
            if calls == 1:
                await caller.commands()
            caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=1, patience=2) as provider:
        outcomes = await provider.send_batch([letter(number) for number in range(1, 6)])
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert calls == 2


@pytest.mark.parametrize(
    ("last_words", "first"),
    [((), Unknown(code="the connection was closed")), (("554 SMTP synchronization error",), Accepted(("1-1",)))],
)
@in_loop
async def test_a_server_that_takes_it_for_an_attack_is_spared_it(last_words: tuple[str, ...], first: object) -> None:
    """However many sessions there are, one letter tries it; of the others none is unknown, refused or lost."""
    attacks = 0

    async def script(caller: Caller) -> None:
        nonlocal attacks
        await caller.welcome("PIPELINING")
        said = await caller.line()
        while said != "QUIT":
            await caller.line("RCPT")
            await caller.line("DATA")
            caller.say(*GO_ON)
            await caller.content()
            more = asyncio.create_task(caller.line())
            if (await asyncio.wait({more}, timeout=0.05))[0]:
                attacks += 1
                caller.say(*last_words)
                return
            caller.say("250 ok")
            said = await more

    async with scripted(script) as port, opened(port, sessions=3) as provider:
        outcomes = await provider.send_batch([letter(number) for number in range(1, 31)])
    assert outcomes[0] == first
    assert outcomes[1:] == [Accepted((f"{number:x}-1",)) for number in range(2, 31)]
    assert attacks == 1


@in_loop
async def test_what_was_said_before_nonsense_counts() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        caller.say(*GO_ON)
        await caller.content()
        caller.say("250 ok", "nonsense")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        assert await provider.send_batch([letter(1)]) == [Accepted(("1-1",))]


@in_loop
async def test_a_small_batch_uses_every_session() -> None:
    """Servers look through letters, each for a while: letters that could go side by side do not queue."""
    together = asyncio.Barrier(4)

    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING")
        await caller.commands()
        await together.wait()
        caller.say(*GO_ON)
        await caller.content()
        caller.say("250 ok")

    async with scripted(script) as port, opened(port, sessions=4) as provider:
        outcomes = await provider.send_batch([letter(number) for number in range(1, 5)])
    assert {type(outcome) for outcome in outcomes} == {Accepted}


@in_loop
async def test_a_letter_too_large_for_the_server_is_not_announced() -> None:
    async def script(caller: Caller) -> None:
        await caller.welcome("PIPELINING", "SIZE 4000")
        for _ in range(2):
            await caller.commands()
            caller.say(*GO_ON)
            await caller.content()
            caller.say("250 ok")
        await caller.line("QUIT")

    async with scripted(script) as port, opened(port, sessions=1) as provider:
        outcomes = await provider.send_batch([letter(1), letter(2, values={"name": "a" * 5000}), letter(3)])
    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Accepted]
