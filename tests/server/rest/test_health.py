"""Health and metrics, for whoever asks."""

import httpx
import pytest
from support.running import Running
from syncline_server.storage.interface import StoreUnavailable


async def test_health_and_metrics_need_no_token(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.http) as client:
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/readyz")).json() == {"ready": True}
        metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "syncline_ready 1.0" in metrics.text


async def test_readiness_says_why_not(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.hub.log, "failure", StoreUnavailable("the disk is full"))
    async with httpx.AsyncClient(base_url=server.http) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": "the disk is full"})
        assert (await client.get("/healthz")).status_code == 200
