"""The tables of the embedded store, and how an older database becomes a newer one.

A migration is a list of statements; its number is its place in `MIGRATIONS`, counted from 1, and is kept in SQLite's
`user_version`. Each runs in a transaction of its own, together with its number: a crash leaves the one before or the
one after. A migration that has been released is never edited; a new one is added behind it.

The log lies in two tables, for the sake of the processor (docs/decisions/0003-log-in-two-steps.md):

- `log_tail` takes each group commit as one row, in the order of arrival: two or three pages a commit, however many
  documents it touches.
- `log_runs` holds the same updates by document, several in a row to a blob: what a device coming back is served from.

Every blob has its CRC-32 beside it, since SQLite has none for its pages: a flipped bit is found when it is read.
"""

from typing import Final

SQLITE_VERSION_MIN: Final = (3, 37, 0)
"""STRICT tables; RETURNING is from 3.35."""

APPLICATION_ID: Final = 0x53594E43
"""`SYNC`, in the file's header: a database of somebody else is refused, not migrated."""

PAGE_BYTES: Final = 4096
"""The file system's block. Measured 1,024 to 16,384: within the noise of each other for grouped appends."""

_CREATE_TABLES: Final = (
    """
    CREATE TABLE documents (
        number INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        floor INTEGER NOT NULL DEFAULT 0,
        quarantined TEXT NOT NULL DEFAULT '',
        UNIQUE (tenant, name)
    ) STRICT
    """,
    # number: counts group commits. Those up to `folded_groups` in meta are in the runs as well: they wait for being
    # overwritten, slot by slot, which is cheaper than deleting them. entries: `log_layout.encode_group`.
    """
    CREATE TABLE log_tail (
        slot INTEGER PRIMARY KEY,
        number INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT
    """,
    # position: document and last seq in one integer (`log_layout.position`), so that a document's runs lie side by
    # side in the cheapest of SQLite's trees. entries: `log_layout.encode_run`.
    """
    CREATE TABLE log_runs (
        position INTEGER PRIMARY KEY,
        first_seq INTEGER NOT NULL,
        size INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT
    """,
    # checksum: of payload, then admission_index.
    """
    CREATE TABLE snapshots (
        document INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        payload BLOB NOT NULL,
        admission_index BLOB NOT NULL
    ) STRICT
    """,
    # ordinal: the holder's current client id is the one with the greatest.
    """
    CREATE TABLE leases (
        ordinal INTEGER PRIMARY KEY,
        client_id INTEGER NOT NULL UNIQUE,
        tenant TEXT NOT NULL,
        user TEXT NOT NULL,
        device TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX leases_by_holder ON leases (tenant, user, device, ordinal)",
    """
    CREATE TABLE cursors (
        document INTEGER NOT NULL,
        client_id INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (document, client_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE revocations (
        tenant TEXT NOT NULL,
        user TEXT NOT NULL,
        device TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (tenant, user, device)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_CREATE_TABLES,)
