"""The Syncline device: what a phone, a desktop or a script runs to share documents."""

from syncline_client.changes import Change, ChangeKind, Changes
from syncline_client.client import Device
from syncline_client.comparison import Comparison, Verdict
from syncline_client.conversation import Basis, Conversation
from syncline_client.errors import (
    AnsweredMeanwhile,
    DeviceError,
    DeviceStopped,
    EditNotAllowed,
    NeverConnected,
    RequestRefused,
    ServerOutOfReach,
)
from syncline_client.inbox import Inbox, InboxChange
from syncline_client.page import Page
from syncline_client.status import Status
from syncline_client.store import Row, StoreError
from syncline_client.store_memory import MemoryStore
from syncline_client.store_sqlite import SqliteStore
from syncline_client.ticket import Ticket

__all__ = [
    "AnsweredMeanwhile",
    "Basis",
    "Change",
    "ChangeKind",
    "Changes",
    "Comparison",
    "Conversation",
    "Device",
    "DeviceError",
    "DeviceStopped",
    "EditNotAllowed",
    "Inbox",
    "InboxChange",
    "MemoryStore",
    "NeverConnected",
    "Page",
    "RequestRefused",
    "Row",
    "ServerOutOfReach",
    "SqliteStore",
    "Status",
    "StoreError",
    "Ticket",
    "Verdict",
]
