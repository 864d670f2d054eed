"""The Yjs update format, version 1, understood without a CRDT engine.

On the data's way: `session → SCANNER → INDEX → rules → log`. No engine sees a byte that has not passed here. Records
have a language of their own (`record_scanner.py`, `encoder.py`); pages speak all that stock editors write
(`scanner.py`, `content_index.py`).
"""

from syncline_protocol.update.content_index import ContentIndex
from syncline_protocol.update.encoder import encode_records
from syncline_protocol.update.record_scanner import RecordStruct, scan_records
from syncline_protocol.update.root_kinds import RootKind, root_kinds
from syncline_protocol.update.scanned import ScannedUpdate
from syncline_protocol.update.scanner import scan_update
from syncline_protocol.update.vector import encode_vector, scan_vector

__all__ = [
    "ContentIndex",
    "RecordStruct",
    "RootKind",
    "ScannedUpdate",
    "encode_records",
    "encode_vector",
    "root_kinds",
    "scan_records",
    "scan_update",
    "scan_vector",
]
