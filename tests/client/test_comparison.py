"""Comparing documents with the server's, by digest."""

import asyncio

import pytest
from client.conftest import new_conversation
from client.test_client import WAIT_S, customer, settled
from support.server import ServerProcess
from syncline_client import Device, DeviceStopped, MemoryStore, Verdict
from syncline_client.comparison import compare


async def test_comparing_finds_and_repairs_a_copy_that_differs(server: ServerProcess) -> None:
    id_ = new_conversation(server)
    store = MemoryStore()
    async with customer(server, store=store) as phone:
        conversation = await phone.conversation(id_)
        await conversation.say("as it was")
        await settled(phone)
        assert (await phone.compare(conversation.segment_name(1)))[1:3] == (1, Verdict.EQUAL)
        name = conversation.segment_name(1)
        phone.replica.document(name).content._sum ^= 1  # type: ignore[union-attr]
        async with asyncio.timeout(WAIT_S):
            assert (await phone.compare(name)).verdict is Verdict.DIFFERED
            assert (await phone.compare("conversation/nobodys")).verdict is Verdict.REFUSED
        assert [message.text for message in conversation.messages()] == ["as it was"]
        assert not phone.replica.document("conversation/nobodys").followed


async def test_a_stopped_device_compares_nothing(server: ServerProcess) -> None:
    async with asyncio.timeout(WAIT_S), Device(server.url, token="not a token") as device:
        with pytest.raises(DeviceStopped, match="the token is not valid"):
            await compare(device.replica, device.connection, "page/p")
        assert not device.replica.document("page/p").followed
