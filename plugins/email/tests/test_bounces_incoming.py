"""Bounces and replies on their way in: by a server of our own, and from the mailbox of a real IMAP server."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from connectpulse_email.bounces import verp
from connectpulse_email.sink import Options, Sink
from connectpulse_email.sink.record import Taken
from connectpulse_email.sink.reports import returned
from connectpulse_email.smtp.incoming import Incoming
from connectpulse_email.smtp.mailbox import Mailbox
from connectpulse_email.smtp.session import Envelope, Session
from connectpulse_email.smtp.settings import Settings
from email_scene import DOMAIN, KEY, Inbox, in_loop, letter, opened

from connectpulse.core.api import Accepted, ConnectionLost, Inbound, MessageState, Receipt
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

REPLY = b"From: Amina <amina@example.com>\r\nTo: news@acme.example\r\nSubject: Re\r\n\r\nYes please\r\n"


@asynccontextmanager
async def caller(port: int) -> AsyncIterator[Session]:
    """Call the server a provider listens with, once it does."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            _, session = await loop.create_connection(lambda: Session(5, 5), "127.0.0.1", port)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
    await session.greeting()
    await session.hello("mx.example")
    yield session
    await session.quit()


@in_loop
async def test_what_a_mail_server_reports_later_comes_home() -> None:
    port, inbox = free_port(), Inbox()
    options = Options(report_port=port)
    listening = {"listen_host": "127.0.0.1", "listen_port": port}
    async with Sink(options) as sink, opened(sink.port, inbox, **listening) as provider:
        async with caller(port):
            pass
        names = ("full92", "gone93", "angry95", "fine01")
        batch = [letter(number, f"{name}@example.com") for number, name in enumerate(names, 1)]
        outcomes = await provider.send_batch(batch)
        assert outcomes == [Accepted((f"{number}-1",)) for number in range(1, 5)]
        found = {each.reference: each for each in await inbox.receive(3) if isinstance(each, Receipt)}
    assert {name: (each.state, each.reason, each.suppress) for name, each in found.items()} == {
        "1-1": (MessageState.UNDELIVERABLE, "mailbox_full", False),
        "2-1": (MessageState.UNDELIVERABLE, "unknown_recipient", True),
        "3-1": (MessageState.DELIVERED, "complained", True),
    }  # fmt: skip


@in_loop
async def test_our_server_answers_once_what_it_was_told_is_durable() -> None:
    port, inbox = free_port(), Inbox(failures=1)
    listening = {"listen_host": "127.0.0.1", "listen_port": port}
    async with Sink() as sink, opened(sink.port, inbox, **listening), caller(port) as session:
        forged = verp.address("2-1", DOMAIN, "another key")
        refused = await session.hand_over(Envelope("", forged), REPLY)
        assert refused.reply.code == 550
        person = Envelope("amina@example.com", "news@acme.example")
        assert (await session.hand_over(person, REPLY)).reply.code == 451
        assert (await session.hand_over(person, REPLY)).reply.code == 250
    (written,) = inbox.events
    assert isinstance(written, Inbound)
    assert (written.address, written.text) == ("amina@example.com", "Yes please")


@in_loop
async def test_a_port_that_is_taken_does_not_keep_letters_from_going() -> None:
    async with Sink() as sink, opened(sink.port, listen_host="127.0.0.1", listen_port=sink.port) as provider:
        assert await provider.send_batch([letter()]) == [Accepted(("1-1",))]


PROVED = {"return_domain": DOMAIN, "return_key": KEY}
DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
auth_failure_delay = 0
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@asynccontextmanager
async def mailbox(folder: Path, *mails: bytes) -> AsyncIterator[dict[str, Any]]:
    """Run Dovecot with one mailbox that holds `mails`, unread; yields the settings that reach it."""
    program = shutil.which("dovecot") or "/usr/sbin/dovecot"
    require_peer(os.path.exists(program) and os.geteuid() == 0, "Dovecot", "apt-get install dovecot-imapd, and be root")
    for name in ("new", "cur", "tmp"):
        (folder / "mail" / name).mkdir(parents=True)
    for number, mail in enumerate(mails):
        (folder / "mail" / "new" / f"{number}.M.host").write_bytes(mail)
    for each in (folder, *folder.rglob("*")):
        shutil.chown(each, "dovenull", "dovenull")
        each.chmod(0o777 if each.is_dir() else 0o666)
    port = free_port()
    configuration = folder / "dovecot.conf"
    configuration.write_text(DOVECOT.format(folder=folder, port=port, user="dovenull", group="dovenull"))
    server = subprocess.Popen([program, "-F", "-c", str(configuration)])
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                await asyncio.sleep(0.05)
        yield {"imap_host": "127.0.0.1", "imap_port": port, "imap_security": "none", "imap_username": "bounces",
               "imap_password": "secret", "imap_every": 5}  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.peer("dovecot")
@in_loop
async def test_a_mailbox_is_read_and_each_mail_once(tmp_path: Path) -> None:
    for parent in tmp_path.parents[:3]:
        parent.chmod(0o755)
    taken = Taken(verp.address("5-1", DOMAIN, KEY), "a@example.com", b"Subject: Hello\r\n\r\n")
    bounce = returned(taken, "5.1.1")
    inbox = Inbox(failures=1)
    async with mailbox(tmp_path, bounce, REPLY.replace(b"\r\n", b"\n"), b"\xff\x00 no mail") as line:
        incoming = Incoming(Settings.of(line | PROVED), inbox)
        assert "INBOX holds 3 unread mails." in await incoming.check()
        box = Mailbox(Settings.of(line))
        with pytest.raises(OSError, match="disk is full"):
            await incoming.look(box)
        assert "INBOX holds 3 unread mails." in await incoming.check(), "what was not stored is not marked as read"
        await incoming.look(box)
        assert "INBOX holds 0 unread mails." in await incoming.check()
        await incoming.look(box)
        await box.close()
        with pytest.raises(ConnectionLost, match="refused the login") as lost:
            await Incoming(Settings.of(line | {"imap_password": "wrong-one"}), inbox).check()
        assert "wrong-one" not in str(lost.value)
    assert len(inbox.events) == 2
    states = {type(each): each for each in inbox.events}
    receipt, written = states[Receipt], states[Inbound]
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.suppress) == ("5-1", True)
    assert isinstance(written, Inbound)
    assert written.recipient == "news@acme.example"
