"""What every server would refuse of a record, found before it is stored on the device.

Part of the replica. The rules are the server's own, as far as they need to know no other record.
"""

from collections.abc import Mapping
from typing import Any

from syncline_protocol.documents.schema import ROOTS, SCHEMAS, parse_record
from syncline_protocol.limits import LEASE_CLIENT_ID_MAX
from syncline_protocol.names import parse_name
from syncline_protocol.update import RecordStruct, encode_records

from syncline_client.errors import EditNotAllowed


def check_record(name: str, root: str, value: Mapping[str, Any]) -> None:
    """Raise `EditNotAllowed` for a record that every server refuses."""
    schema = SCHEMAS.get(root, {}).get(value.get("type", ""))
    if schema is None or root not in ROOTS[parse_name(name).kind]:
        raise EditNotAllowed(f"there is no record of type {value.get('type')!r} under {root!r} in {name}")
    try:
        parse_record(schema, value)
        encode_records([RecordStruct(LEASE_CLIENT_ID_MAX, 0, root, value["id"], dict(value))])
    except ValueError as error:
        raise EditNotAllowed(f"a record of type {value['type']!r}: {error}") from error
