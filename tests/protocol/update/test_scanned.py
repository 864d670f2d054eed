"""What a scan says, read by those who ask for entries of root maps."""

from support.update_bytes import EMBED, MAP, NULL, STRING, TYPE, VALUES, item, section, text, update, values
from syncline_protocol.update.scanned import RootWrite, ScannedType, TypeKind
from syncline_protocol.update.scanner import scan_update


def test_entries_of_root_maps_are_listed() -> None:
    scanned = scan_update(
        update(
            section(
                9,
                0,
                item(VALUES, values(b"\x77\2hi"), parent="m", key="one"),
                item(VALUES, values(NULL, NULL), parent="m", key="two"),
                item(TYPE, MAP, parent="m", key="type"),
                item(VALUES, values(NULL), parent=(9, 3), key="nested"),
                item(VALUES, values(NULL), parent="list"),
                item(EMBED, text("1"), parent="t"),
            ),
            section(4, 0, item(STRING, text("x"), parent="t"), item(VALUES, values(NULL), parent="n", key="")),
        )
    )
    assert list(scanned.root_writes()) == [
        RootWrite("m", "one", "hi"),
        RootWrite("m", "two", [None, None]),
        RootWrite("m", "type", ScannedType(TypeKind.MAP, "")),
        RootWrite("n", "", None),
    ]
