"""A tenant's decisions as values, checked: groups, issue types, calendars, shifts, priorities, words.

They are read from `syncline.toml` (`configuration_file.py`), where each struct below is a table, and used by
`routing.py`, by rules about groups, and by the server as an actor. A `Configuration` never changes: a new reading is a
new one (`live_configuration.py`). What refers to a name refers to one that is there.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta
from syncline_protocol.documents.public_records import LABEL_CHARACTERS_MAX
from syncline_protocol.documents.ticket_records import Priority
from syncline_protocol.extraction.rules import Rules
from syncline_protocol.names import ID_CHARACTERS_MAX

from syncline_server.domain.calendars import ALWAYS, DAY_MS, HOUR_MS, MINUTE_MS, Calendar

UNITS_MS: Final[Mapping[str, int]] = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": 1_000}
DURATION: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
DURATION_MS_MAX: Final = 366 * DAY_MS
"""Nobody is promised anything within longer."""


class Milliseconds(int):
    """A length of time. In the file `"4h"`, `"1h30m"`, `"7d"` (of 24 hours each), `"500s"`."""

    __slots__ = ()

    @classmethod
    def read(cls, text: object) -> "Milliseconds":
        """The length that is written so. Raises `ValueError`."""
        match = DURATION.fullmatch(text) if isinstance(text, str) else None
        if not match or not text:
            raise ValueError("no length of time")
        length = sum(int(count or 0) * unit for count, unit in zip(match.groups(), UNITS_MS.values(), strict=True))
        if not 0 < length <= DURATION_MS_MAX:
            raise ValueError("not between a second and 366 days")
        return cls(length)

    def __str__(self) -> str:
        """As it would be written, in hours at most: a day of business time is no length."""
        parts, left = [], int(self)
        for unit in ("h", "m", "s"):
            count, left = divmod(left, UNITS_MS[unit])
            parts += [f"{count}{unit}"] if count else []
        return "".join(parts)


Name = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z][a-z0-9_]{0,63}\Z",
        description="a name of lower-case letters, digits and _ that begins with a letter",
        examples=["network"],
    ),
]
"""The name of a group, an issue type, a field: a `Word` of records."""

User = Annotated[str, Meta(min_length=1, max_length=ID_CHARACTERS_MAX, description="a user's name", examples=["mei"])]
Language = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z",
        description="a language tag",
        examples=["zh", "en"],
    ),
]
Label = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LABEL_CHARACTERS_MAX,
        description=f"a text of at most {LABEL_CHARACTERS_MAX} characters",
        examples=["Network"],
    ),
]
Duration = Annotated[Milliseconds, Meta(description="a length of time", examples=["30m", "4h", "1h30m", "7d"])]
Address = Annotated[
    str, Meta(pattern=r"\Ahttps?://[^\s/]+\S*\Z", description="an address", examples=["http://127.0.0.1:9000/extract"])
]
Secret = Annotated[str, Meta(pattern=r"\A[!-~]+\Z", description="a secret without spaces", examples=["s3cret"])]
Labels = dict[Language, Label]


class Group(msgspec.Struct, frozen=True, kw_only=True, rename={"labels": "label"}):
    """People who work on the same kind of problem. `languages`: those it speaks; none named, and it speaks all."""

    name: Name
    labels: Labels = {}
    members: tuple[User, ...] = ()
    languages: tuple[Language, ...] = ()
    calendar: Name | None = None

    def speaks(self, language: str | None) -> bool:
        """Whether somebody who writes in `language` is understood. A language that is not known is no obstacle."""
        if not self.languages or not language:
            return True
        return primary(language) in {primary(spoken) for spoken in self.languages}


class IssueType(msgspec.Struct, frozen=True, kw_only=True, rename={"labels": "label"}):
    """A kind of problem. `group`: who solves it; of several the first that speaks the customer's language. `required`:
    fields without which a ticket is not complete.
    """

    name: Name
    labels: Labels = {}
    group: Name | tuple[Name, ...] = ()
    required: tuple[Name, ...] = ()
    priority: Priority = Priority.NORMAL

    @property
    def groups(self) -> tuple[str, ...]:
        """Its groups, the preferred one first; none, and the ticket goes to the group for everything else."""
        return (self.group,) if isinstance(self.group, str) else self.group


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody works, or everybody in a group who has no shift of their own. Exactly one of the two is named."""

    calendar: Name
    user: User | None = None
    group: Name | None = None


class PriorityTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How soon a ticket of this priority is answered and solved: in open time, or by the clock."""

    name: Priority
    respond_within: Duration | None = None
    resolve_within: Duration | None = None
    time: Literal["business", "calendar"] = "business"


class TicketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all tickets: the group and the calendar where nothing else says which, what customers learn of who
    is on theirs, and when a resolved ticket closes by itself (not at all if None).
    """

    group: Name | None = None
    calendar: Name | None = None
    show_responsible: Literal["name", "alias", "nothing"] = "name"
    aliases: dict[User, Label] = {}
    close_after: Duration | None = None


class Extractor(msgspec.Struct, frozen=True, kw_only=True):
    """A better extractor than ours, over HTTP, and how long it is waited for. `token`: the bearer token it wants."""

    url: Address
    token: Secret | None = None
    timeout: Duration = Milliseconds(2_000)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Names are keys; `labels` is status → language → text, in place of ours; `rules` is what the same file
    says of how to tell an issue type and to find its fields in a conversation; `rule_tables`: the tables that say it,
    for devices to read like `Rules.read` does.
    """

    groups: dict[str, Group]
    issue_types: dict[str, IssueType]
    calendars: dict[str, Calendar]
    shifts: tuple[Shift, ...]
    priorities: dict[str, PriorityTimes]
    labels: dict[str, Labels]
    ticket: TicketSettings
    extractor: Extractor | None
    rules: Rules
    rule_tables: Mapping[str, Any]

    @property
    def group_otherwise(self) -> str:
        """The group for what no other group is named for."""
        return self.ticket.group or next(iter(self.groups))

    def groups_of(self, user: str) -> frozenset[str]:
        """The groups that a user is in, besides those that the user's token names."""
        return frozenset(group.name for group in self.groups.values() if user in group.members)

    def calendar_of(self, group: str | None) -> Calendar:
        """A group's calendar; of one that has none, or of no group, the one for everything else, or all the time."""
        own = self.groups[group].calendar if group in self.groups else None
        return self.calendars.get(own or self.ticket.calendar or "", ALWAYS)

    def calendars_of(self, user: str, group: str) -> tuple[Calendar, ...]:
        """When a member of a group works: by shifts of one's own, else of the group, else by the group's calendar."""
        own = [shift.calendar for shift in self.shifts if shift.user == user]
        shared = [shift.calendar for shift in self.shifts if shift.group == group]
        return tuple(self.calendars[name] for name in own or shared) or (self.calendar_of(group),)

    def shown_name(self, user: str, name: str | None = None) -> str | None:
        """Whom a customer reads to be on their ticket, by the tenant's choice. `name`: what the user is called.

        Whoever should be shown by an alias and has none is not shown: a name is not given away by omission.
        """
        match self.ticket.show_responsible:
            case "name":
                return name or user
            case "alias":
                return self.ticket.aliases.get(user)
            case "nothing":
                return None


def primary(language: str) -> str:
    """The language that a tag is a variety of: `zh` of `zh-Hant`."""
    return language.partition("-")[0].casefold()
