"""A process that works on a store until something happens to it: `python -m support.store_child WHAT DIRECTORY …`.

append          appends for ever, and prints the head after each acknowledged group
replace         replaces the history of a document for ever, after writing a secret into it; prints each step
limited BYTES   may write files up to so many bytes (RLIMIT_FSIZE); prints what happens below and above the limit
broken-sync     every fsync fails from some moment on (seccomp); prints what the store makes of it
"""

import asyncio
import ctypes
import errno
import platform
import resource
import struct
import sys
from pathlib import Path

from support.store_rows import entry
from syncline_server.storage import connections, log_tables
from syncline_server.storage.interface import DocumentKey, Snapshot, Store, StoreError
from syncline_server.storage.sqlite import SqliteStore

KEY = DocumentKey("acme", "page/1")
GROUP = 5
SNAPSHOT_EVERY = 200

FSYNC_NUMBERS = {"x86_64": (74, 75), "aarch64": (82, 83)}
"""System call numbers of fsync and fdatasync."""


def say(*words: object) -> None:
    """Print a line at once."""
    print(*words, flush=True)  # noqa: T201 # what the test reads


async def append_for_ever(directory: Path) -> None:
    """Append, fold, checkpoint and write snapshots in quick succession."""
    log_tables.TAIL_BYTES_MAX = 10_000  # type: ignore[misc] # smaller than in earnest
    connections.CHECKPOINT_BYTES = 100_000  # type: ignore[misc] # likewise
    async with SqliteStore(directory) as store:
        document = await store.create_document(KEY, 1)
        head = document.head
        say("open", head)
        while True:
            await store.append([entry(document.number, head + n) for n in range(1, GROUP + 1)])
            head += GROUP
            say(head)
            if head % SNAPSHOT_EVERY == 0:
                await store.write_snapshot(document.number, Snapshot(head, b"%d" % head, b""), keep_after=head - 50)


def secret(number: int) -> bytes:
    """What the history number `number` is replaced for."""
    return b"<secret %08d>" % number


async def replace_for_ever(directory: Path) -> None:
    """Write a secret, replace the history, wipe; with updates of another document in between."""
    log_tables.TAIL_BYTES_MAX = 10_000  # type: ignore[misc] # smaller than in earnest
    async with SqliteStore(directory) as store:
        document = await store.create_document(KEY, 1)
        other = await store.create_document(DocumentKey("acme", "page/2"), 1)
        head, beside, number = document.head, other.head, document.epoch
        say("open", head)
        while True:
            number += 1
            for size in (1, 30, 400):
                head, beside = head + 1, beside + 1
                await store.append([entry(document.number, head, secret(number) * size), entry(other.number, beside)])
            say("written", number)
            await store.replace_history(document.number, number, Snapshot(head, b"clean", b""))
            say("replaced", number)
            await store.wipe()
            say("wiped", number)


async def append_within(directory: Path, limit: int) -> None:
    """Append until the file size limit is met, then lift it and go on."""
    async with SqliteStore(directory) as store:
        document = await store.create_document(KEY, 1)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        head = await _append_until_error(store, document.number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await store.probe()
        await store.append([entry(document.number, head + 1)])
        say("appended", head + 1)


async def append_with_broken_sync(directory: Path) -> None:
    """Append until an fsync fails, then show that nothing is written any more."""
    async with SqliteStore(directory) as store:
        document = await store.create_document(KEY, 1)
        await store.append([entry(document.number, 1)])
        say("appended", 1)
        break_sync()
        await _append_until_error(store, document.number, head=1)
        await _append_until_error(store, document.number, head=1)


async def _append_until_error(store: Store, document: int, *, head: int = 0) -> int:
    try:
        while True:
            await store.append([entry(document, head + 1)])
            head += 1
    except StoreError as error:
        say(type(error).__name__, head, str(error))
    return head


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def break_sync() -> None:
    """From now on fsync and fdatasync fail with EIO in all threads of this process (seccomp; needs no rights)."""
    numbers = FSYNC_NUMBERS[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
    allow, fail = 0x7FFF0000, 0x00050000 | errno.EIO  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (load, 0, 0, 0),
            (equal, 2, 0, numbers[0]),
            (equal, 1, 0, numbers[1]),
            (give, 0, 0, allow),
            (give, 0, 0, fail),
        )
    )
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = _Filter(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, set_mode_filter, all_threads = 38, {"x86_64": 317, "aarch64": 277}, 1, 1
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    if libc.syscall(seccomp[platform.machine()], set_mode_filter, all_threads, ctypes.byref(filter_)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def main(what: str, directory: str, *rest: str) -> None:
    """Do what the command line says."""
    match what:
        case "append":
            asyncio.run(append_for_ever(Path(directory)))
        case "replace":
            asyncio.run(replace_for_ever(Path(directory)))
        case "limited":
            asyncio.run(append_within(Path(directory), int(rest[0])))
        case "broken-sync":
            asyncio.run(append_with_broken_sync(Path(directory)))
        case _:
            raise SystemExit(f"{what} is nothing this can do")


if __name__ == "__main__":
    main(*sys.argv[1:])
