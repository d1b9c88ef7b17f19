"""Running PostgreSQL when we are root: as `nobody`, without loosening a single permission.

PostgreSQL refuses to run as root. Making the site's folder and everything above it readable would be the
easy way and the wrong one. Instead the server runs as `nobody`, owns its cluster folder, and, only where a
private folder lies in between, keeps the capability to pass through: CAP_DAC_READ_SEARCH, or
CAP_DAC_OVERRIDE where the first is not to be had (containers) or does not suffice (programs that only
their owner may execute). Both are far less than the root it was started by.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_VERSION_3 = 0x20080522


def is_root() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def give(path: Path) -> None:
    """Make the server's user the owner of `path`, if that is another than we are."""
    if is_root():
        os.chown(path, *_nobody())


def drop(cluster: Path, programs: Path, more: Sequence[Path] = ()) -> Callable[[], None] | None:
    """Return what a child must do before it becomes PostgreSQL; None where there is nothing to do.

    `more` are folders that what PostgreSQL runs must reach as well.
    """
    if not is_root():
        return None
    uid, gid = _nobody()
    capability = _needed(cluster, programs, more)

    def become_nobody() -> None:
        os.setgroups([])
        os.setgid(gid)
        if capability is None:
            os.setuid(uid)
            return
        libc = ctypes.CDLL(None, use_errno=True)
        # Without the fix-up, access(2) looks at the kept capability too; not every container allows it.
        libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
        os.setuid(uid)
        header = struct.pack("Ii", _CAP_VERSION_3, 0)
        bits = 1 << capability
        _check(libc.capset(header, struct.pack("6I", bits, bits, bits, 0, 0, 0)))
        _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))

    return become_nobody


def _needed(cluster: Path, programs: Path, more: Sequence[Path]) -> int | None:
    """Return the least capability with which `nobody` reaches the folders, None if it needs none."""
    folders = set(cluster.absolute().parents)
    for each in (programs, *more):
        folders |= {each.absolute(), *each.absolute().parents}
    is_open = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    is_executable = bool((programs / "postgres").stat().st_mode & stat.S_IXOTH)
    if is_open and is_executable:
        return None
    if is_executable and _holds(CAP_DAC_READ_SEARCH):
        return CAP_DAC_READ_SEARCH
    return CAP_DAC_OVERRIDE


def _holds(capability: int) -> bool:
    status = Path("/proc/self/status").read_text()
    permitted = next(line for line in status.splitlines() if line.startswith("CapPrm:"))
    return bool(int(permitted.split()[1], 16) >> capability & 1)


def _nobody() -> tuple[int, int]:
    import pwd

    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), "cannot keep a capability for the embedded PostgreSQL")
