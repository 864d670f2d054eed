"""What a server costs, read from the operating system: CPU time and resident memory of its process tree."""

import time
from pathlib import Path
from typing import Final, NamedTuple

TICKS_PER_SECOND: Final = 100
"""USER_HZ, the unit of `/proc/PID/stat`: the same on every Linux a program can be built for."""

KIB: Final = 1024

_PARENT: Final = 1
_USER, _SYSTEM, _REAPED_USER, _REAPED_SYSTEM = 11, 12, 13, 14
"""Fields of `/proc/PID/stat` behind the command's name, counted from 0 (proc(5))."""


class CpuTime(NamedTuple):
    """CPU time that a process tree has used, user and system, all threads, in seconds.

    `exact` comes from the processes' CPU clocks (nanoseconds), and is what figures are made of. `ticks` is the sum of
    `/proc/PID/stat` (10 ms steps), kept beside it so that a reader can see that the two agree.
    """

    exact: float
    ticks: float

    def since(self, before: "CpuTime") -> "CpuTime":
        """What was used since `before`."""
        return CpuTime(self.exact - before.exact, self.ticks - before.ticks)


def cpu_time(pid: int) -> CpuTime:
    """CPU time of `pid` and its descendants, those that ended and were waited for included."""
    exact = ticks = 0.0
    for process in tree(pid):
        fields = _stat(process)
        reaped = (int(fields[_REAPED_USER]) + int(fields[_REAPED_SYSTEM])) / TICKS_PER_SECOND
        exact += time.clock_gettime(_cpu_clock(process)) + reaped
        ticks += (int(fields[_USER]) + int(fields[_SYSTEM])) / TICKS_PER_SECOND + reaped
    return CpuTime(exact, ticks)


class SystemTime(NamedTuple):
    """User and system time of a process tree, in ticks."""

    user: int
    system: int

    def since(self, before: "SystemTime") -> float:
        """The share of system time in what was used since `before`; 0 when that is nothing."""
        user, system = self.user - before.user, self.system - before.system
        return system / (user + system) if user + system else 0.0


def system_share(pid: int) -> SystemTime:
    """What `pid` and its descendants have computed, in user mode and in the kernel."""
    stats = [_stat(process) for process in tree(pid)]
    return SystemTime(
        sum(int(fields[_USER]) + int(fields[_REAPED_USER]) for fields in stats),
        sum(int(fields[_SYSTEM]) + int(fields[_REAPED_SYSTEM]) for fields in stats),
    )


def resident_bytes(pid: int) -> int:
    """Resident memory of `pid` and its descendants, in bytes; pages that they share count for each."""
    total = 0
    for process in tree(pid):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * KIB
    return total


def tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[_PARENT]), []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` behind the command's name, which may hold spaces and brackets."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()


def _cpu_clock(pid: int) -> int:
    """The clock id of a process's CPU time: what clock_getcpuclockid(3) returns for it on Linux."""
    return (~pid << 3) | 2
