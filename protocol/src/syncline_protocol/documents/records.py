"""Records as bytes to hash: the canonical form of a value, and the digests that prove two replicas equal.

Admission hashes each record once and adds it to its document's digest; a device does the same with what it holds and
compares. The canonical form is what this JavaScript yields, in every language alike:

    const canonical = (v) =>
      Array.isArray(v) ? `[${v.map(canonical).join(",")}]`
      : v !== null && typeof v === "object"
        ? `{${Object.keys(v).sort(byCodePoint).map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(",")}}`
        : JSON.stringify(v);

A record's digest is the SHA-256 of root, 0x00, key, 0x00 and its canonical value. A document's digest is the sum of the
digests of its records, read as little-endian numbers, modulo 2^256: the order in which records came does not show.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from syncline_protocol.limits import NESTING_DEPTH_MAX

INTEGER_MAX: Final = 2**53 - 1
"""Numbers are whole and lie in ±this: what JavaScript holds exactly."""

DIGEST_BYTES: Final = 32
DIGEST_MASK: Final = 2 ** (8 * DIGEST_BYTES) - 1

_encode: Final = msgspec.json.Encoder(order="sorted").encode


def canonical(value: Any) -> bytes:
    """The one encoding of a plain value: keys in the order of their code points, no spaces, UTF-8 without escapes
    except for quotes, backslashes and control characters, whole numbers only.

    Raises `ValueError` for what is no plain value (see `plain`), and for lone surrogates.
    """
    return _encode(plain(value))


def record_digest(root: str, key: str, value: dict[str, Any]) -> bytes:
    """The 32 bytes that stand for a record. Raises `ValueError` when `value` is not plain.

    Neither `root` nor `key` of an admitted record contains 0x00: roots are known names, keys are UUIDs.
    """
    return scanned_digest(root, key, plain(value))


def scanned_digest(root: str, key: str, value: dict[str, Any]) -> bytes:
    """The same of a value that `scan_records` returned, which is known to be plain."""
    return hashlib.sha256(b"%b\0%b\0%b" % (root.encode(), key.encode(), _encode(value))).digest()


def document_digest(record_digests: Iterable[bytes]) -> bytes:
    """The digest of the document that holds these records, each once; 32 zero bytes for an empty one."""
    total = sum(int.from_bytes(digest, "little") for digest in record_digests)
    return (total & DIGEST_MASK).to_bytes(DIGEST_BYTES, "little")


def plain(value: Any) -> Any:
    """`value` as strings, booleans, null, whole numbers, lists and maps with string keys.

    Yjs writes whole numbers beyond 32 bits as floating point; those come back as `int`, so that both spellings are one
    value. Raises `ValueError`, which says where, for everything else: fractions, numbers beyond 2^53, bytes, or more
    than `NESTING_DEPTH_MAX` levels.
    """
    if type(value) is dict and _is_flat(value):
        return value  # nearly every record: no copy is made
    return _plain(value, NESTING_DEPTH_MAX, "$")


def _is_flat(value: dict[Any, Any]) -> bool:
    for key, item in value.items():
        if type(key) is not str:
            return False
        kind = type(item)
        if kind is str or kind is bool:
            continue
        if kind is list and all(map(_is_string, item)):  # `after` of an event
            continue
        if kind is not int or not -INTEGER_MAX <= item <= INTEGER_MAX:
            return False
    return True


def _is_string(item: Any) -> bool:
    return type(item) is str


def _plain(value: Any, levels: int, place: str) -> Any:
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int | float):
        return _whole(value, place)
    if levels == 0:
        raise ValueError(f"more than {NESTING_DEPTH_MAX} levels - at `{place}`")
    if isinstance(value, list | tuple):
        return [_plain(item, levels - 1, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, place): _plain(item, levels - 1, f"{place}.{key}") for key, item in value.items()}
    raise ValueError(f"{type(value).__name__} is not plain JSON - at `{place}`")


def _whole(number: float, place: str) -> int:
    if not -INTEGER_MAX <= number <= INTEGER_MAX or number != int(number):  # NaN fails the first test
        raise ValueError(f"{number!r} is not a whole number within ±(2^53 - 1) - at `{place}`")
    return int(number)


def _key(key: Any, place: str) -> str:
    if isinstance(key, str):
        return key
    raise ValueError(f"{key!r} is not a string and so no key - at `{place}`")
