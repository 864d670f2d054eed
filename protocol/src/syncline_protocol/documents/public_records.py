"""Records of `ticket/<id>/public`, root `public`: what the customer sees of a ticket. The server alone writes them."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from syncline_protocol.documents.fields import DisplayName, DocumentId, Record, RecordId, Subject, Whole, Word

LANGUAGES_MAX: Final = 16
"""Languages in which a label is given."""

LABEL_CHARACTERS_MAX: Final = 100


class Step(Record, frozen=True, kw_only=True, tag="step"):
    """How the ticket stands for its customer since `cause`, an event of the ticket.

    `subject`: none when it was erased. `labels`: the status in words, by language. `responsible`: who is on it, as the
    tenant lets customers see it. `expected_by`: when it should be solved, Unix time in milliseconds.
    """

    cause: RecordId
    number: Whole
    subject: Subject | UnsetType = UNSET
    status: Word
    labels: Annotated[
        dict[str, Annotated[str, Meta(min_length=1, max_length=LABEL_CHARACTERS_MAX)]], Meta(max_length=LANGUAGES_MAX)
    ]
    conversation: DocumentId | UnsetType = UNSET
    responsible: DisplayName | UnsetType = UNSET
    expected_by: Whole | UnsetType = UNSET
