"""Every limit of the protocol, with its unit and its reason.

Both sides import these; the server announces the ones a device has to know in `Welcome`. Units stand last in the name.
Limits that a running server may be told otherwise are settings; these are not.
"""

from typing import Final

PROTOCOL_VERSION: Final = 1

# --- bytes on the wire -------------------------------------------------------------------------------------------

FRAME_BYTES_MAX: Final = 1024 * 1024
"""One WebSocket message. Larger frames travel as `Fragment`s. 1 MiB keeps a receive buffer small for 10,000 sockets."""

FRAGMENT_BYTES_MAX: Final = 512 * 1024
"""Payload of one `Fragment`: half a message, so that other frames of the connection slip in between."""

FRAME_ASSEMBLED_BYTES_MAX: Final = 64 * 1024 * 1024
"""A frame put together from fragments by a *device*: the largest snapshot a server may send."""

UPDATE_BYTES_MAX: Final = 8 * 1024 * 1024
"""One update from a device, assembled. A page pasted whole is 1-2 MB; more is an import and goes in pieces."""

HELLO_BYTES_MAX: Final = 16 * 1024
"""The first frame, from somebody unknown: a token with many groups is 2 KiB."""

OPEN_DOCUMENTS_MAX: Final = 500
"""Documents in one `Open`: one round trip for a week of an agent's work (design: one per 500)."""

CHANNELS_MAX: Final = 10_000
"""Documents open at once on one connection: an inbox of thousands of conversations, and no more."""

PRESENCE_BYTES_MAX: Final = 2 * 1024
"""One presence state, encoded. Typing and viewing need 50 bytes, an editor's cursor 200."""

NAME_BYTES_MAX: Final = 200
"""A document's name. Names are keys in every table and appear in every open."""

DEVICE_BYTES_MAX: Final = 64
"""A device's name: a UUID or a short word."""

# --- shape of an update (Yjs update format v1) -------------------------------------------------------------------

CLIENT_ID_MAX: Final = 2**53 - 1
"""Exact in every JavaScript number, and what pycrdt takes."""

LEASE_CLIENT_ID_MIN: Final = 2**32
"""Leased ids lie above what stock Yjs draws at random (32 bits), so that the two can never meet."""

LEASE_CLIENT_ID_MAX: Final = 2**42 - 1
"""Six bytes as a varint; 4e12 ids, drawn at random, so that a store restored from a backup does not lease one twice."""

CLOCK_MAX: Final = 2**31 - 1
"""Yrs keeps clocks in 32 bits and wraps; half of that is out of reach by honest use."""

STRUCTS_PER_UPDATE_MAX: Final = 200_000
"""A full page of a long life has 100,000. Admission of so many keeps the event loop for a second."""

CLIENTS_PER_UPDATE_MAX: Final = 10_000
"""Clients in one update or state vector."""

CLOCK_SPAN_WITHOUT_BYTES_MAX: Final = 2**24
"""Clock units that one update may claim by deleted or collected structs, which cost no bytes (clock exhaustion)."""

NESTING_DEPTH_MAX: Final = 16
"""Levels in one JSON value, and levels of nested shared types. Yjs clients break near 5,000, Yrs near 20,000."""

STRING_BYTES_MAX: Final = 4 * 1024 * 1024
"""One string in an update, UTF-8."""

KEY_BYTES_MAX: Final = 1024
"""A root's name, a map's key, an XML node name or attribute name."""

# --- records ----------------------------------------------------------------------------------------------------

RECORD_BYTES_MAX: Final = 64 * 1024
"""One record, encoded. Message text is at most `MESSAGE_TEXT_CHARACTERS_MAX`."""

MESSAGE_TEXT_CHARACTERS_MAX: Final = 16_000
"""Unicode code points in one message: ten printed pages."""

CLOCK_AHEAD_MS_MAX: Final = 60_000
"""How far a record's `at` may lie ahead of the server's clock (`docs/protocol.md`, section 6)."""

EVENTS_PER_TICKET_MAX: Final = 10_000
"""Events of one ticket, the server's own not counted in: to know which of so many knew of which takes 6 MB at worst."""

RECORDS_PER_SEGMENT: Final = 1_000
"""Messages after which the server opens the next segment. Soft: late messages still go into older segments."""

# --- pace -------------------------------------------------------------------------------------------------------

UPDATES_IN_FLIGHT_MAX: Final = 256
"""Updates a device may have sent and not yet seen answered, on all documents together: the server's memory for it."""

HELLO_WAIT_MS_MAX: Final = 5_000
"""From the accepted socket to `Hello`."""

PRESENCE_TTL_MS: Final = 30_000
"""A presence state not renewed for so long is withdrawn."""

TOKEN_RENEWAL_LEAD_MS: Final = 60_000
"""A device renews its token so long before it expires."""
