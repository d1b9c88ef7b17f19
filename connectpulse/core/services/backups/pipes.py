"""The way of a backup: PostgreSQL's dump, compressed (zstd), encrypted (age), and the same way back.

Nothing is held but a few blocks, and nothing readable touches the disk. age's library asks for blocks and hands
blocks on; what goes wrong on either side comes out as it went in, not as the library's word for it.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

import pyrage
import zstandard
from pyrage import x25519

from ...errors import PulseError, Refused

LEVEL = 3
"""zstd's own default: higher levels cost more than the disk they save."""

BLOCK = 1 << 18


class BackupFailed(PulseError):
    """A backup could not be made or brought back; the sentence says why."""


class Tally:
    """A file that counts what passes through it, keeps its SHA-256, and remembers what went wrong."""

    def __init__(self, file: Any, check: Callable[[], None] | None = None) -> None:
        self._file, self._check, self._digest = file, check, hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Return the next block, empty at the end."""
        try:
            block: bytes = self._file.read(size)
            self._count(block)
        except BaseException as error:
            self.error = error
            raise
        return block

    def write(self, block: bytes) -> int:
        """Pass a block on."""
        try:
            self._file.write(block)
            self._count(block)
        except BaseException as error:
            self.error = error
            raise
        return len(block)

    def flush(self) -> None:
        """Pass on; whoever owns the file below flushes it."""

    def _count(self, block: bytes) -> None:
        self._digest.update(block)
        self.size += len(block)
        if self._check is not None:
            self._check()


class _Program:
    """A program's end of the pipe: at its end it must have ended well."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self._process, self._said = process, said

    def read(self, size: int) -> bytes:
        """Return the next block of what it writes; raise BackupFailed at the end if it failed."""
        assert self._process.stdout is not None
        block = self._process.stdout.read(size)
        if not block and self._process.wait():
            raise BackupFailed(self.complaint())
        return block

    def complaint(self) -> str:
        """Return the last of what it said on its standard error."""
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode(errors="replace").split("\n")
        told = " ".join(line.strip() for line in lines if line.strip())
        return told[-250:] or f"It ended with {self._process.returncode} and said nothing."


@contextmanager
def _running(command: Sequence[str], env: dict[str, str], **streams: Any) -> Iterator[tuple[Any, _Program]]:
    """Run a program; it is gone when the block ends, however that ends."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=env, stderr=said, **streams)  # noqa: S603 - our own program
        try:
            yield process, _Program(process, said)
        finally:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            process.wait()


def pack(
    command: Sequence[str], env: dict[str, str], out: Any, recipient: x25519.Recipient,
    watch: Callable[[int], None] = lambda dumped: None,
) -> tuple[Tally, Tally]:  # fmt: skip
    """Write what `command` writes to `out`, compressed and encrypted; return the tallies of both ends.

    `watch` is told the bytes dumped so far, and may raise to end it. Raises BackupFailed if the command fails,
    and whatever writing raises.
    """
    packed = Tally(out)
    with _running(command, env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as (_, program):
        dump = Tally(program, lambda: watch(dump.size))
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        with compressor.stream_reader(cast(IO[bytes], dump), read_size=BLOCK, closefd=False) as reader:
            try:
                pyrage.encrypt_io(reader, packed, [recipient])
            except Exception as error:
                raise dump.error or packed.error or BackupFailed(f"It could not be encrypted: {error}") from None
    return dump, packed


def unpack(source: Any, name: str, identity: x25519.Identity, out: Any) -> Tally:
    """Write to `out` what was packed into `source`; return the tally of what came out.

    Raises Refused with the file's `name` if the key does not open it, or if it was changed or cut short.
    """
    plain = Tally(out)
    expander = zstandard.ZstdDecompressor().stream_writer(cast(IO[bytes], plain), closefd=False)
    given, passed = Tally(source), Tally(expander)
    try:
        pyrage.decrypt_io(given, passed, [identity])
        expander.close()  # type: ignore[no-untyped-call]
    except Exception as error:
        own = given.error or plain.error
        if own is not None and not isinstance(own, zstandard.ZstdError):
            raise own from None
        if isinstance(error, pyrage.DecryptError) and "matching keys" in str(error):
            raise Refused(f"This key does not open {name}: it was encrypted for another.") from None
        raise Refused(f"{name} was changed, or is cut short.") from None
    return plain


def feed(command: Sequence[str], env: dict[str, str], write: Callable[[Any], None]) -> None:
    """Run `command` and let `write` write to its standard input; raise BackupFailed with what it said if it fails.

    Where `write` raises, the command is ended before its input is, so that it does not take a part for the whole.
    """
    with _running(command, env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as (process, program):
        try:
            write(process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            process.wait()
            raise BackupFailed(program.complaint()) from None
        if process.wait():
            raise BackupFailed(program.complaint())


def read_identity(text: str) -> x25519.Identity:
    """Return the age identity in a key file's text; raise Refused if there is none in it."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        return x25519.Identity.from_str(lines[0])
    except (IndexError, pyrage.IdentityError):
        raise Refused("This is no age identity: it begins with AGE-SECRET-KEY-1, in a file of its own.") from None


def fresh_keys() -> tuple[str, str]:
    """Return a fresh pair: the identity, which stays off this machine, and its recipient."""
    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())
