"""Every SQL statement of the embedded store, over the tables of `schema.py`.

Values are always parameters. Where a text is put together (S608), only the number of placeholders varies.
"""

from typing import Final

# --- documents -----------------------------------------------------------------------------------------------------

_DOCUMENT: Final = """
    SELECT number, tenant, name, epoch, floor, quarantined,
        max(floor, ifnull((
            SELECT max(position) FROM log_runs WHERE position BETWEEN number << 32 AND number << 32 | 0xFFFFFFFF
        ) & 0xFFFFFFFF, 0)) AS stored_head
    FROM documents
"""
"""The stored head is where the runs end, or the floor when none are left; the tail goes on from there."""

READ_DOCUMENT: Final = f"{_DOCUMENT} WHERE tenant = ? AND name = ?"
READ_DOCUMENTS: Final = f"{_DOCUMENT} WHERE tenant = ? AND name >= ? AND name < ? AND name > ? ORDER BY name LIMIT ?"
READ_ALL_DOCUMENTS: Final = f"{_DOCUMENT} WHERE number > ? ORDER BY number LIMIT ?"


def read_documents_named(documents: int) -> str:
    """So many documents by tenant and name; those that are not there are left out."""
    wanted = _listed("(?, ?)", documents)
    return f"WITH wanted (tenant, name) AS (VALUES {wanted}) {_DOCUMENT} JOIN wanted USING (tenant, name)"


CREATE_DOCUMENT: Final = """
    INSERT INTO documents (tenant, name, epoch) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING number
"""
RENEW_EPOCH: Final = "UPDATE documents SET epoch = ? WHERE number = ? RETURNING number"
QUARANTINE: Final = "UPDATE documents SET quarantined = ? WHERE number = ? RETURNING number"


def read_stored_heads(documents: int) -> str:
    """Number and stored head of so many documents, by number."""
    return f"SELECT number, stored_head FROM ({_DOCUMENT}) WHERE number IN ({_listed('?', documents)})"  # noqa: S608


# --- log -----------------------------------------------------------------------------------------------------------

ADD_GROUP: Final = "INSERT OR REPLACE INTO log_tail (slot, number, checksum, entries) VALUES (?, ?, ?, ?)"
READ_TAIL: Final = "SELECT number, checksum, entries FROM log_tail WHERE number > ? ORDER BY number"
READ_FOLDED: Final = "SELECT ifnull(max(value), 0) FROM meta WHERE key = 'folded_groups'"
CLEAR_TAIL: Final = "INSERT OR REPLACE INTO meta (key, value) VALUES ('folded_groups', ?)"

EMPTY_TAIL: Final = "DELETE FROM log_tail"

READ_RUNS: Final = """
    WITH near AS (
        SELECT position, size FROM log_runs WHERE position > :after AND position <= :end ORDER BY position LIMIT :runs
    ),
    fitting AS (
        SELECT position, sum(size) OVER (ORDER BY position) - size AS bytes_before FROM near
    )
    SELECT position, first_seq, size, checksum, entries,
        position = (SELECT max(position) FROM log_runs WHERE position <= :end) AS is_last
    FROM fitting JOIN log_runs USING (position)
    WHERE bytes_before < :bytes_max
    ORDER BY position
"""
"""Runs that end behind `after`, the sizes of the ones before each below `bytes_max`; blobs are only read of these."""


def add_runs(runs: int) -> str:
    """Insert so many runs, in one statement: one commit, and one release of the interpreter lock."""
    listed = _listed("(?, ?, ?, ?, ?)", runs)
    return f"INSERT INTO log_runs (position, first_seq, size, checksum, entries) VALUES {listed}"  # noqa: S608


# --- snapshots -----------------------------------------------------------------------------------------------------

READ_FLOOR: Final = (
    "SELECT floor, ifnull((SELECT seq FROM snapshots WHERE document = number), 0) FROM documents WHERE number = ?"
)
READ_SNAPSHOT: Final = "SELECT seq, checksum, payload, admission_index FROM snapshots WHERE document = ?"
REPLACE_SNAPSHOT: Final = """
    INSERT OR REPLACE INTO snapshots (document, seq, checksum, payload, admission_index) VALUES (?, ?, ?, ?, ?)
"""
DROP_RUNS: Final = "DELETE FROM log_runs WHERE position > ? AND position <= ?"
SHORTEN_RUN: Final = "UPDATE log_runs SET first_seq = ?, size = ?, checksum = ?, entries = ? WHERE position = ?"
RAISE_FLOOR: Final = "UPDATE documents SET floor = ? WHERE number = ?"

# --- another history -----------------------------------------------------------------------------------------------

BEGIN_HISTORY: Final = "UPDATE documents SET epoch = ?, floor = ? WHERE number = ?"
FORGET_CURSORS: Final = "DELETE FROM cursors WHERE document = ?"
MARK_WIPE_DUE: Final = (
    "INSERT INTO meta (key, value) VALUES ('wipe_due', 1) ON CONFLICT DO UPDATE SET value = value + 1"
)
READ_WIPE_DUE: Final = "SELECT ifnull(max(value), 0) FROM meta WHERE key = 'wipe_due'"
CLEAR_WIPE_DUE: Final = "DELETE FROM meta WHERE key = 'wipe_due' AND value = ?"

# --- client ids ----------------------------------------------------------------------------------------------------

READ_LEASE: Final = """
    SELECT client_id FROM leases WHERE tenant = ? AND user = ? AND device = ? ORDER BY ordinal DESC LIMIT 1
"""
READ_HOLDER: Final = "SELECT tenant, user, device FROM leases WHERE client_id = ?"
BIND: Final = "INSERT INTO leases (client_id, tenant, user, device) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


def lease(candidates: int) -> str:
    """Give the holder the first of so many candidates that nobody has; returns it, or no row.

    Parameters: tenant, user, device, then the candidates.
    """
    ranked = ", ".join(f"({rank}, ?)" for rank in range(candidates))
    return f"""
        WITH holder (tenant, user, device) AS (VALUES (?, ?, ?)), candidates (rank, client_id) AS (VALUES {ranked})
        INSERT INTO leases (client_id, tenant, user, device)
        SELECT client_id, tenant, user, device FROM candidates, holder
        WHERE NOT EXISTS (SELECT 1 FROM leases AS taken WHERE taken.client_id = candidates.client_id)
        ORDER BY rank LIMIT 1
        RETURNING client_id
    """  # noqa: S608


# --- cursors -------------------------------------------------------------------------------------------------------


def write_cursors(cursors: int) -> str:
    """Insert or replace so many cursors."""
    listed = _listed("(?, ?, ?, ?)", cursors)
    return f"INSERT OR REPLACE INTO cursors (document, client_id, seq, at_ms) VALUES {listed}"  # noqa: S608


DROP_CURSORS: Final = "DELETE FROM cursors WHERE document = ? AND seq < ?"
READ_OLDEST_CURSOR: Final = "SELECT min(seq) FROM cursors WHERE document = ? AND at_ms >= ?"

# --- rights, health ------------------------------------------------------------------------------------------------

WRITE_REVOCATION: Final = """
    INSERT INTO revocations (tenant, user, device, at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET at_ms = max(at_ms, excluded.at_ms)
"""
READ_REVOCATIONS: Final = "SELECT tenant, user, device, at_ms FROM revocations ORDER BY tenant, user, device"
PROBE: Final = "INSERT INTO meta (key, value) VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1"


def _listed(item: str, times: int) -> str:
    return ", ".join([item] * times)
