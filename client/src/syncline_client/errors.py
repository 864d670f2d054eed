"""What can go wrong on a device, as one tree. (A store's errors are with the store's interface, a transport's with the
transport's.)

    DeviceError
    ├── EditNotAllowed    every server would refuse the edit; nothing was stored
    ├── AnsweredMeanwhile somebody answered while one was writing; nothing was stored
    ├── NeverConnected    the device has no user and no client id to write under yet
    ├── DeviceStopped     it no longer tries to connect: somebody must change something
    ├── OtherUser         the token is for somebody else than the store
    ├── ContentBroken     what the server sent cannot be taken in; handled by loading the document anew
    ├── RequestRefused    the server does not answer what was asked of its REST interface, and says why
    └── ServerOutOfReach  nothing answers there, or it cannot just now: what is kept on the device has to do
"""

from syncline_protocol.documents.messages import Message


class DeviceError(Exception):
    """Root of the tree. The text says what happened and what to do."""


class EditNotAllowed(DeviceError):
    """The edit would be refused by every server: the text says why. Nothing was stored."""


class AnsweredMeanwhile(DeviceError):
    """Others have answered in a conversation since one began to write there: `messages`, in their order."""

    def __init__(self, messages: tuple[Message, ...]) -> None:
        people = ", ".join(dict.fromkeys(message.by for message in messages))
        super().__init__(f"{people} answered while you were writing: read it, then send once more")
        self.messages = messages


class NeverConnected(DeviceError):
    """The device has not been connected yet, so it has no user and no client id to write under."""

    def __init__(self) -> None:
        super().__init__("this device has never been connected: connect it once, then it can write offline as well")


class DeviceStopped(DeviceError):
    """The device no longer tries to connect."""


class OtherUser(DeviceError):
    """The token is another user's than the store's: two users never share one."""


class ContentBroken(DeviceError):
    """What the server sent, or the store has, cannot be taken in: the device's copy is to be loaded anew."""


class RequestRefused(DeviceError):
    """The server's no, in its own words, with its HTTP `status` and its `code` (empty if it told none)."""

    def __init__(self, text: str, *, status: int, code: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class ServerOutOfReach(DeviceError):
    """There was no answer that one could use. Asking again later may help."""
