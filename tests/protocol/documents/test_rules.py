"""Who may write what: every role, kind of document and type of record, cell by cell."""

from itertools import product
from typing import Any

import pytest
from support.records import NOW_MS, record_id, record_value
from support.vectors import read_vectors
from syncline_protocol.clock import at_from_ms
from syncline_protocol.documents.identity import PROGRAMS, SERVER_USER, STAFF, Identity, Role
from syncline_protocol.documents.record_index import RecordIndex
from syncline_protocol.documents.rules import check_records
from syncline_protocol.documents.schema import EVENTS, MESSAGE_TYPES, ROOTS, SCHEMAS
from syncline_protocol.errors import RefusalCode, RefusedUpdate
from syncline_protocol.limits import CLOCK_AHEAD_MS_MAX
from syncline_protocol.names import DocumentKind, DocumentName, parse_name
from syncline_protocol.update import RecordStruct

NAMES = {
    "head": parse_name("conversation/c1"),
    "segment": parse_name("conversation/c1/1"),
    "ticket": parse_name("ticket/t1"),
    "ticket_public": parse_name("ticket/t1/public"),
    "ticket_text": parse_name("ticket/t1/text"),
    "page": parse_name("page/p1"),
}

SAMPLES = {(case["root"], case["value"]["type"]): case["value"] for case in read_vectors("records")["accepted"]}
"""A well-formed record of every type."""

ABOUT = ("edit", "recall", "reaction", "redaction")


def identity_of(role: Role, *, user: str = "") -> Identity:
    """Alice's phone in a role, or the server."""
    if role is Role.SERVER:
        return Identity(tenant="acme", user=user or SERVER_USER, device="server", role=role)
    return Identity(tenant="acme", user=user or "alice", device="phone", role=role)


# --- records ------------------------------------------------------------------------------------------------------


def struct(value: dict[str, Any], *, root: str = "messages", clock: int = 0) -> RecordStruct:
    """The struct that brings a record."""
    return RecordStruct(2**40, clock, root, value["id"], value)


def by(identity: Identity, value: dict[str, Any]) -> dict[str, Any]:
    """The record as `identity` would write it."""
    return value | {"by": identity.user, "device": identity.device}


def index_with(*values: dict[str, Any], root: str = "messages") -> RecordIndex:
    """An index that knows these records."""
    index = RecordIndex()
    index.admit([struct(value, root=root, clock=clock) for clock, value in enumerate(values)], owns=lambda _: True)
    return index


def index_of_ticket(sample: dict[str, Any]) -> RecordIndex:
    """An index of a ticket with what the sample names; of none yet when the sample opens it."""
    if sample["type"] == "opened":
        return RecordIndex()
    named = {"link": "link", "item": "checklist_item", "merge": "merge", "event": "note"}
    targets = {sample[name]: type_ for name, type_ in named.items() if isinstance(sample.get(name), str)}
    events = [record_value(100, "opened", subject="wifi", after=[])]
    events += [record_value(0, type_, after=[record_id(100)]) | {"id": id_} for id_, type_ in targets.items()]
    return index_with(*events, root=EVENTS)


def take(identity: Identity, name: DocumentName, *structs: RecordStruct, index: RecordIndex | None = None) -> None:
    """Let the rules take the records."""
    check_records(identity, name, structs, index or RecordIndex(), NOW_MS)


def refuse(
    identity: Identity, name: DocumentName, *structs: RecordStruct, index: RecordIndex | None = None
) -> RefusedUpdate:
    """How the rules refuse the records."""
    with pytest.raises(RefusedUpdate) as refusal:
        take(identity, name, *structs, index=index)
    return refusal.value


SERVERS = {"system", "assignment", "claim_lost", "number", "reopened"}
SUPERVISING = {Role.SUPERVISOR, Role.ADMIN}
SEGMENT_WRITERS = {"redaction": SUPERVISING, "satisfaction": {Role.CUSTOMER}}
TICKET_WRITERS = {
    "redaction": SUPERVISING,
    "satisfaction": {Role.SERVER},
    "claim": {Role.AGENT, Role.TECHNICIAN, Role.SUPERVISOR, Role.ADMIN},
    "merge": {Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.INTEGRATION},
    "unmerge": {Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.INTEGRATION},
    "status": {*STAFF, Role.SERVER},
    "link": {*STAFF, Role.SERVER},
}
"""By type of record, where it is not all of the staff."""


def may_write(role: Role, kind: DocumentKind, type_: str) -> bool:
    """The table of who writes which records, stated once more by itself."""
    if type_ == "redacted":
        return False
    if kind in (DocumentKind.CONVERSATION, DocumentKind.TICKET_PUBLIC) or type_ in SERVERS:
        return role is Role.SERVER
    if kind is DocumentKind.TICKET:
        return role in TICKET_WRITERS.get(type_, STAFF)
    if kind is DocumentKind.SEGMENT and type_ in SEGMENT_WRITERS:
        return role in SEGMENT_WRITERS[type_]
    return role in STAFF or role is Role.CUSTOMER


@pytest.mark.parametrize(
    ("role", "name", "place"),
    [
        pytest.param(role, name, place, id=f"{role.value} {name.path} {place[0]}.{place[1]}")
        for role, place in product(Role, SAMPLES)
        for name in (*NAMES.values(), parse_name(f"user/{identity_of(role).user}"))
    ],
)
def test_each_role_writes_its_types_into_their_kinds(role: Role, name: DocumentName, place: tuple[str, str]) -> None:
    root, type_ = place
    identity = identity_of(role)
    original = by(identity, record_value(0, "text", text="hi")) | {"id": record_id(0)}
    index = index_with(original)
    value = by(identity, SAMPLES[place])
    if root == EVENTS:
        index = index_of_ticket(value)
        value = {name: one for name, one in value.items() if name != "auto"}
        value |= {"auto": True} if role is Role.BOT else {}
    if type_ in MESSAGE_TYPES - {"system"} and role in PROGRAMS:
        value = value | {"auto": True}
    record = struct(value, root=root)
    if root in ROOTS[name.kind] and may_write(role, name.kind, type_):
        take(identity, name, record, index=index)
    else:
        refusal = refuse(identity, name, record, index=index)
        assert (refusal.code, refusal.detail) == (RefusalCode.FORBIDDEN, {"record": record.key})


def test_the_samples_have_every_type() -> None:
    assert set(SAMPLES) == {(root, type_) for root, schemas in SCHEMAS.items() for type_ in schemas}


def test_what_was_erased_is_erased_again_and_nothing_else() -> None:
    supervisor = identity_of(Role.SUPERVISOR)
    index = index_with(record_value(1, "redacted", of="text"))
    take(supervisor, SEGMENT, struct(by(supervisor, record_value(9, "redaction", message=record_id(1)))), index=index)
    for type_, fields in (("edit", {"text": "x"}), ("recall", {}), ("reaction", {"emoji": "x", "on": True})):
        value = by(supervisor, record_value(9, type_, message=record_id(1), **fields))
        assert refuse(supervisor, SEGMENT, struct(value), index=index).code is RefusalCode.FORBIDDEN


ALICE = identity_of(Role.CUSTOMER)
SEGMENT = NAMES["segment"]
TEXT = record_value(1, "text", text="我的平板电脑找不到无线网络了")


def test_a_record_says_who_wrote_it() -> None:
    for field, value in (("by", "bo"), ("by", "Alice"), ("device", "tablet")):
        refusal = refuse(ALICE, SEGMENT, struct(TEXT | {field: value}))
        assert refusal.code is RefusalCode.FORBIDDEN
        assert refusal.detail == {"record": record_id(1)}
        assert field in refusal.reason


def test_a_records_id_is_its_key() -> None:
    moved = RecordStruct(2**40, 0, "messages", record_id(2), TEXT)
    refusal = refuse(ALICE, SEGMENT, moved)
    assert refusal.code is RefusalCode.INVALID
    assert refusal.detail == {"record": record_id(2)}


@pytest.mark.parametrize("case", read_vectors("records")["refused"], ids=lambda case: f"{case['root']} {case['field']}")
def test_malformed_records_are_invalid(case: dict[str, Any]) -> None:
    root, value = case["root"], case["value"]
    kind = next(kind for kind, roots in ROOTS.items() if root in roots)
    role = next((one for one in Role if may_write(one, kind, value["type"])), Role.CUSTOMER)
    names = {
        DocumentKind.CONVERSATION: NAMES["head"],
        DocumentKind.SEGMENT: SEGMENT,
        DocumentKind.TICKET: NAMES["ticket"],
        DocumentKind.TICKET_PUBLIC: NAMES["ticket_public"],
        DocumentKind.USER: parse_name("user/alice"),
    }
    malformed = RecordStruct(2**40, 0, root, record_id(1), value)
    refusal = refuse(identity_of(role), names[kind], malformed, index=index_with(record_value(0, "text", text="hi")))
    assert refusal.detail == {"record": record_id(1)}
    if value["type"] == "redacted":  # nobody writes these, well-formed or not
        assert refusal.code is RefusalCode.FORBIDDEN
        return
    assert refusal.code is RefusalCode.INVALID
    assert case["field"] in refusal.reason


@pytest.mark.parametrize("type_", ["poll", "", None, 7, ["text"], {}])
def test_unknown_types_are_invalid(type_: Any) -> None:
    assert refuse(ALICE, SEGMENT, struct(TEXT | {"type": type_})).code is RefusalCode.INVALID


def test_unknown_roots_are_forbidden() -> None:
    for root in ("message", "", "conversation", "__proto__"):
        assert refuse(ALICE, SEGMENT, struct(TEXT, root=root)).code is RefusalCode.FORBIDDEN


def test_a_refusal_stays_short_however_long_the_names_in_the_record() -> None:
    refusal = refuse(ALICE, SEGMENT, struct(TEXT | {"x" * 100_000: 1}))
    assert refusal.code is RefusalCode.INVALID
    assert len(refusal.reason) < 500
    refusal = refuse(ALICE, SEGMENT, struct(TEXT | {"type": "x" * 100_000}))
    assert len(refusal.reason) < 500


def test_the_clock_is_at_most_a_minute_ahead() -> None:
    latest = TEXT | {"at": at_from_ms(NOW_MS + CLOCK_AHEAD_MS_MAX + 1) - 1}
    take(ALICE, SEGMENT, struct(latest))
    refusal = refuse(
        ALICE, SEGMENT, struct(TEXT, clock=0), struct(latest | {"id": record_id(2), "at": latest["at"] + 1})
    )
    assert refusal.code is RefusalCode.CLOCK_AHEAD
    assert refusal.detail == {"record": record_id(2), "server_time_ms": NOW_MS}
    take(ALICE, SEGMENT, struct(TEXT | {"at": 0}))


def test_a_users_document_is_that_users_to_write() -> None:
    draft = struct(record_value(1, "draft", conversation="c1", text="hi"), root="drafts")
    take(ALICE, parse_name("user/alice"), draft)
    refusal = refuse(ALICE, parse_name("user/carol"), draft)
    assert (refusal.code, refusal.detail) == (RefusalCode.FORBIDDEN, {"record": record_id(1)})


def test_one_bad_record_refuses_the_update() -> None:
    bad = record_value(2, "text", text="")
    refusal = refuse(ALICE, SEGMENT, struct(TEXT), struct(bad, clock=1))
    assert refusal.detail == {"record": record_id(2)}


# --- records about messages -----------------------------------------------------------------------------------------

ABOUT_FIELDS: dict[str, dict[str, Any]] = {
    "edit": {"text": "new"},
    "recall": {},
    "reaction": {"emoji": "👍", "on": True},
    "redaction": {},
}


def about(type_: str, message: int, *, number: int = 10, identity: Identity = ALICE) -> dict[str, Any]:
    """A record of `identity` about a message."""
    return by(identity, record_value(number, type_, message=record_id(message), **ABOUT_FIELDS[type_]))


@pytest.mark.parametrize(("role", "type_", "own"), [*product(sorted(STAFF | {Role.CUSTOMER}), ABOUT, [True, False])])
def test_who_may_edit_recall_and_react_to_whose_message(role: Role, type_: str, own: bool) -> None:  # noqa: FBT001
    identity = identity_of(role)
    message = TEXT if own else TEXT | {"by": "bo"}
    record = struct(about(type_, 1, identity=identity))
    is_allowed = {"reaction": True, "redaction": role in SUPERVISING, "recall": own or role in SUPERVISING}
    if is_allowed.get(type_, own):
        take(identity, SEGMENT, record, index=index_with(message))
    else:
        refusal = refuse(identity, SEGMENT, record, index=index_with(message))
        assert (refusal.code, refusal.detail) == (RefusalCode.FORBIDDEN, {"record": record_id(10)})


@pytest.mark.parametrize("type_", ABOUT)
@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.SUPERVISOR])
def test_what_is_named_has_to_be_a_message_of_this_document(type_: str, role: Role) -> None:
    identity = identity_of(role)
    record = struct(about(type_, 1, identity=identity))
    assert refuse(identity, SEGMENT, record).code is RefusalCode.FORBIDDEN
    elsewhere = index_with(TEXT, root="drafts")
    assert refuse(identity, SEGMENT, record, index=elsewhere).code is RefusalCode.FORBIDDEN
    for other in ABOUT:
        no_message = index_with(record_value(0, "text", text="hi"), about(other, 0, number=1))
        assert refuse(identity, SEGMENT, record, index=no_message).code is RefusalCode.FORBIDDEN


@pytest.mark.parametrize("type_", ABOUT)
def test_a_message_of_the_same_update_may_be_named_after_it(type_: str) -> None:
    author = identity_of(Role.SUPERVISOR if type_ == "redaction" else Role.CUSTOMER)
    message, record = struct(TEXT), struct(about(type_, 1, identity=author), clock=1)
    take(author, SEGMENT, message, record)
    assert refuse(author, SEGMENT, record, message).code is RefusalCode.FORBIDDEN


@pytest.mark.parametrize("type_", sorted(MESSAGE_TYPES))
def test_every_type_of_message_may_be_recalled_by_a_supervisor(type_: str) -> None:
    index = index_with(SAMPLES["messages", type_] | {"id": record_id(1)})
    supervisor = identity_of(Role.SUPERVISOR)
    take(supervisor, SEGMENT, struct(about("recall", 1, identity=supervisor)), index=index)


@pytest.mark.parametrize("role", [Role.CUSTOMER, *sorted(STAFF)])
def test_a_message_says_whether_a_program_wrote_it(role: Role) -> None:
    identity = identity_of(role)
    plain = by(identity, record_value(1, "text", text="hello"))
    auto = plain | {"auto": True}
    right, wrong = (auto, plain) if role in {Role.BOT, Role.INTEGRATION} else (plain, auto)
    take(identity, SEGMENT, struct(right))
    refusal = refuse(identity, SEGMENT, struct(wrong))
    assert (refusal.code, "`auto`" in refusal.reason) == (RefusalCode.FORBIDDEN, True)
