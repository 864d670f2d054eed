"""Where and with what was measured: processor, kernel, disk, and the version of everything that takes part."""

import json
import os
import platform
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from benchmarks.servers.contenders import PEERS

MEMORY_FILE_SYSTEMS: Final = {"tmpfs", "ramfs"}
"""Where an fsync costs nothing: figures of durability mean nothing there."""

PYTHON_PACKAGES: Final = ("pycrdt", "pycrdt-websocket", "uvicorn", "uvloop", "websockets", "msgspec", "picows")
NODE_PACKAGES: Final = ("@hocuspocus/server", "y-websocket", "yjs", "ws", "crossws")


def describe() -> dict[str, str]:
    """Everything that a reader needs to judge the figures, by what it is."""
    disk = file_system(Path(tempfile.gettempdir()))
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "data on": disk + (" (an fsync costs nothing there!)" if disk in MEMORY_FILE_SYSTEMS else ""),
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Syncline": _output("git", "describe", "--always", "--dirty"),
        "Python": platform.python_version(),
        "Node.js": _output("node", "--version"),
        **{name: metadata.version(name) for name in PYTHON_PACKAGES},
        **{name: version for name in NODE_PACKAGES if (version := _node_version(name))},
    }


def file_system(path: Path) -> str:
    """The type of the file system that `path` is on."""
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mounted, kind, *_ = line.split()
        if path.resolve().is_relative_to(mounted) and len(mounted) >= len(found[0]):
            found = (mounted, kind)
    return found[1]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _output(*command: str) -> str:
    """What a command prints, or that it is not there: no figure depends on it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PEERS)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _node_version(package: str) -> str:
    """Its installed version, or nothing."""
    manifest = PEERS / "node_modules" / package / "package.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["version"]) if manifest.exists() else ""
