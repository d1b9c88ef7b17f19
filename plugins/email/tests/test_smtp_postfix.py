"""The journey through a real Postfix: our letter pipelined, its refusals, and its bounce back to us."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from connectpulse_email.smtp.samples import Handler, serving
from email_scene import DOMAIN, URDU, Inbox, in_loop, letter, opened, read, shared, texts

from connectpulse.core.api import Accepted, ErrorClass, MessageState, Receipt, Rejected, TryLater
from connectpulse.core.storage.embedded import free_port
from connectpulse.testing.plugin import require_peer

pytestmark = pytest.mark.peer("postfix")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mx.pulse.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = deliver.test, {domain}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/etc/access, permit_mynetworks, reject
transport_maps = texthash:{folder}/etc/transport
default_transport = error:no external delivery
recipient_delimiter = +
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
alias_maps =
alias_database =
notify_classes =
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
proxymap  unix  - - n - - proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


@asynccontextmanager
async def postfix(*, delivery: int, returns: int) -> AsyncIterator[int]:
    """Run a Postfix of our own; yields its port. `delivery` and `returns` are the ports it hands mail on to."""
    require_peer(
        shutil.which("postfix", path="/usr/sbin:/usr/bin") is not None and os.geteuid() == 0,
        "Postfix", "apt-get install postfix, and be root",
    )  # fmt: skip
    port = free_port()
    with TemporaryDirectory(prefix="postfix") as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name in ("etc", "queue", "data", "log"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "etc" / "main.cf").write_text(MAIN.format(folder=folder, domain=DOMAIN))
        (folder / "etc" / "master.cf").write_text(MASTER.format(port=port))
        (folder / "etc" / "access").write_text(
            "nobody@deliver.test 550 5.1.1 There is nobody\nslow@deliver.test 450 4.7.1 Not so fast\n"
        )
        (folder / "etc" / "transport").write_text(
            f"deliver.test smtp:[127.0.0.1]:{delivery}\n{DOMAIN} smtp:[127.0.0.1]:{returns}\n"
        )
        command = ["/usr/sbin/postfix", "-c", str(folder / "etc")]
        started = subprocess.run([*command, "start"], capture_output=True, text=True, timeout=30)
        assert started.returncode == 0, started.stderr
        try:
            yield port
        finally:
            subprocess.run([*command, "stop"], capture_output=True, timeout=30)


@in_loop
async def test_a_letter_passes_a_real_mail_server_and_its_bounce_comes_home() -> None:
    handler, inbox, returns = Handler(), Inbox(), free_port()
    async with serving(handler, enable_SMTPUTF8=True) as delivery, postfix(delivery=delivery, returns=returns) as port:
        line = {"listen_host": "127.0.0.1", "listen_port": returns, "sessions": 2}
        async with opened(port, inbox, **line) as provider:
            paper = shared(f"<p>.{URDU} {{{{ name }}}}</p>")
            batch = [letter(number, f"amina{number}@deliver.test", shared=paper) for number in range(1, 21)]
            batch += [
                letter(21, "gone91@deliver.test"),
                letter(22, "nobody@deliver.test"),
                letter(23, "slow@deliver.test"),
            ]
            outcomes = await provider.send_batch(batch)
            assert outcomes[:21] == [Accepted((f"{number:x}-1",)) for number in range(1, 22)]
            assert outcomes[21] == Rejected("unknown_recipient", ErrorClass.RECIPIENT, "5.1.1", suppress=True)
            assert isinstance(outcomes[22], TryLater)
            (receipt,) = await inbox.receive(1)
            while len(handler.letters) < 20:
                await asyncio.sleep(0.02)
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.state) == ("15-1", MessageState.UNDELIVERABLE)
    assert (receipt.code, receipt.suppress) == ("5.1.1", True)
    arrived = read(handler.letters[0].content)
    assert f".{URDU} Amina" in texts(arrived)[1]
    assert handler.letters[0].mail_from.endswith(f"@{DOMAIN}")
