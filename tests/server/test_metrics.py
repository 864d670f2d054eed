"""What the server counts: every number moves with what it counts, and the guide names each."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.checkout import ROOT
from support.running import Running, running
from support.wire import wire_device
from syncline_protocol import frames
from syncline_protocol.errors import CloseCode, RefusalCode
from syncline_server.metrics import Durations, HubCollector
from syncline_server.storage.interface import StoreUnavailable

Samples = dict[str, float]

SUFFIX = re.compile(r"_(total|bucket|sum|count)$")
COMMIT_TIMES = ("syncline_commit_seconds_bucket", "syncline_commit_seconds_sum")


async def scrape(server: Running) -> Samples:
    """All samples, as Prometheus reads them: `name` or `name{label=value}`."""
    async with httpx.AsyncClient(base_url=server.http) as client:
        text = (await client.get("/metrics")).text
    samples: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples


def grown(before: Samples, after: Samples) -> Samples:
    """What has changed of the server's own, but for how long commits took."""
    return {
        name: value - before[name]
        for name, value in after.items()
        if name.startswith("syncline_") and value != before[name] and not name.startswith(COMMIT_TIMES)
    }


async def test_every_commit_has_its_time(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        segment = await server.conversation()
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(segment)
            await device.say(segment)
        samples = await scrape(server)
    buckets = [value for name, value in samples.items() if name.startswith("syncline_commit_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == samples["syncline_commit_seconds_count"] == samples["syncline_commits_total"]
    assert 0 < samples["syncline_commit_seconds_sum"] < 60


def test_durations_are_counted_by_bucket() -> None:
    durations = Durations((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0, 8.0):
        durations.note(seconds)
    assert durations.counts == [2, 1, 2]
    assert durations.sum_s == pytest.approx(15.65)


async def test_connections_documents_and_updates_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path / "data", document_linger_seconds=60.0) as server:
        segment = await server.conversation()
        before = await scrape(server)
        assert before["syncline_ready"] == 1
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(segment, "page/one", "page/two")
            for _ in range(3):
                await device.say(segment)
            during = grown(before, await scrape(server))
            assert during.pop("syncline_updates_total") == 3
            assert (commits := during.pop("syncline_commits_total")) >= 1
            assert commits == during.pop("syncline_commit_seconds_count")
            assert during == {
                "syncline_connections": 1,
                "syncline_documents_loaded": 2,
                "syncline_subscriptions": 3,
            }
            await device.send(frames.Close(device.channels["page/two"]))
            await device.say(segment)
            assert (await scrape(server))["syncline_subscriptions"] == 2
        async with asyncio.timeout(5):
            while (await scrape(server))["syncline_connections"] != before["syncline_connections"]:
                await asyncio.sleep(0.02)


async def test_refusals_closes_and_digests_are_counted_by_what_they_are(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        segment = await server.conversation()
        before = await scrape(server)
        assert all(before[f"syncline_refusals_total{{code={code.value}}}"] == 0 for code in RefusalCode)
        assert all(before[f"syncline_closes_total{{code={code.value}}}"] == 0 for code in CloseCode)
        async with wire_device(server.url, server.token("mei")) as device:
            await device.open(segment)
            seq = await device.say(segment)
            await device.send(frames.Digest(device.channels[segment], seq, bytes(32)))
            assert not (await device.expect(frames.DigestChecked)).equal
            assert (await device.refusal("page/not-open", b"\x00\x00")).code == "not_open"
            assert (await device.refusal(segment, b"\xff")).code == "malformed"
            await device.closed()
        after = grown(before, await scrape(server))
        assert after["syncline_digest_mismatches_total"] == 1
        assert {name: value for name, value in after.items() if "{" in name} == {
            "syncline_refusals_total{code=not_open}": 1,
            "syncline_refusals_total{code=malformed}": 1,
            f"syncline_closes_total{{code={CloseCode.UPDATE_REFUSED.value}}}": 1,
        }


async def test_readiness_is_a_number_too(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        server.hub.log.failure = StoreUnavailable("the disk is full")
        assert (await scrape(server))["syncline_ready"] == 0
        server.hub.log.failure = None
        assert (await scrape(server))["syncline_ready"] == 1


async def test_the_process_is_measured(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as server:
        samples = await scrape(server)
    assert samples["process_resident_memory_bytes"] > 10_000_000
    assert samples["process_open_fds"] > 0


async def test_the_guide_names_every_metric(tmp_path: Path) -> None:
    page = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    written = set(re.findall(r"`(syncline_(?!protocol|server|client)[a-z_]+)", page))
    async with running(tmp_path / "data") as server:
        counted = {sample.name for family in HubCollector(server.hub).collect() for sample in family.samples}
    assert {name.removesuffix("_total") for name in written} == {SUFFIX.sub("", name) for name in counted}
