"""Two servers on one data folder would both think they write the log alone: the second one does not start."""

import os
import subprocess
import sys
from pathlib import Path

from support.server import ServerProcess, free_port
from support.wire import wire_device
from syncline_protocol import frames


async def test_the_second_server_says_why_and_leaves(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data) as first:
        command = [sys.executable, "-m", "syncline_server", "serve", "--data", str(data), "--port", str(free_port())]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30, env={**os.environ}, check=False)
        said = second.stdout + second.stderr
        assert second.returncode == 1, said
        assert f"{data} is in use by another server (process {first.pid})" in " ".join(said.split())
        assert "Traceback" not in said
        async with wire_device(first.url, first.token("mei")) as mei:  # the first is not disturbed
            await mei.open("user/mei")
            setting = {key: value for key, value in mei.record().items() if key != "text"}
            setting |= {"type": "setting", "name": "theme", "value": "dark"}
            await mei.update("user/mei", mei.encode("user/mei", setting, root="settings"))
            assert (await mei.expect(frames.Acks)).updates[2] == 1
        first.kill()
        first.start()  # a crash leaves no lock behind
