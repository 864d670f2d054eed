"""Who gets a ticket, and by when it is answered and solved: pure functions of the configuration, the load and the time.

To a group by issue type and language; within it to the person with the fewest open tickets among those on shift. If
nobody is, it stays with the group, and the reason says when somebody comes. The same question has the same answer: ties
go by name, and the order of what was given makes no difference.

The reason is kept with the assignment (`because` of its record): plain values by name, enough for a person to check it.
`explanation.py` puts it into words.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from syncline_protocol.documents.ticket_records import Priority

from syncline_server.domain.calendars import add_open_time, is_open, next_opening
from syncline_server.domain.configuration import Configuration

Reason = Mapping[str, str | int | bool]

NOBODY: Final[Mapping[str, Collection[str]]] = {}


class Routed(NamedTuple):
    """To whom a ticket goes: a person of a group, or the group. `because`: the values that decided, by name:

    - `issue_type`, `language`: of the ticket, where they are known
    - `group_by`: `issue_type`, `language` (of the issue type's groups the first that speaks it), `transfer` (somebody
      said which), or `otherwise` (the issue type names none); `is_understood`: whether the group speaks the language
    - `user_by`: `load`, `nobody_on_shift` or `no_members`; `members` and `on_shift`: how many there are; `load`: open
      tickets of whoever gets it
    - `next_opening` (Unix time in milliseconds) and `zone`: when the next of them comes, where nobody is there
    """

    group: str
    user: str | None
    because: Reason


def route(  # noqa: PLR0913 - what it depends on
    issue_type: str | None,
    language: str | None,
    loads: Mapping[str, int],
    configuration: Configuration,
    now_ms: int,
    *,
    group: str | None = None,
    joined: Mapping[str, Collection[str]] = NOBODY,
) -> Routed:
    """To whom a ticket goes now.

    `loads`: open tickets of each person; who is not in it has none. `group`: where somebody has decided that. `joined`:
    members of groups besides those in the configuration (by their tokens).
    """
    chosen, group_by = _group(issue_type, language, configuration, group)
    known = configuration.groups.get(chosen)
    because: dict[str, str | int | bool] = {
        name: value for name, value in (("issue_type", issue_type), ("language", language)) if value is not None
    }
    because |= {"group_by": group_by, "is_understood": known is None or known.speaks(language)}
    members = sorted({*(() if known is None else known.members), *joined.get(chosen, ())})
    calendars = {user: configuration.calendars_of(user, chosen) for user in members}
    on_shift = [user for user in members if any(is_open(calendar, now_ms) for calendar in calendars[user])]
    because |= {"members": len(members), "on_shift": len(on_shift)}
    if on_shift:
        user = min(on_shift, key=lambda one: (loads.get(one, 0), one))
        return Routed(chosen, user, {**because, "user_by": "load", "load": loads.get(user, 0)})
    if not members:
        return Routed(chosen, None, {**because, "user_by": "no_members"})
    because["user_by"] = "nobody_on_shift"
    openings = [
        (opening, calendar.zone)
        for used in calendars.values()
        for calendar in used
        if (opening := next_opening(calendar, now_ms)) is not None
    ]
    if openings:
        because["next_opening"], because["zone"] = min(openings)
    return Routed(chosen, None, because)


def respond_by(priority: Priority, opened_ms: int, configuration: Configuration, *, group: str | None) -> int | None:
    """By when a ticket that was opened then is answered first; None if nothing is promised. `group`: who has it."""
    return _due(configuration.priorities[priority].respond_within, priority, opened_ms, configuration, group)


def expected_by(priority: Priority, opened_ms: int, configuration: Configuration, *, group: str | None) -> int | None:
    """By when a ticket that was opened then is solved; None if nothing is promised. `group`: who has it."""
    return _due(configuration.priorities[priority].resolve_within, priority, opened_ms, configuration, group)


def _group(
    issue_type: str | None, language: str | None, configuration: Configuration, decided: str | None
) -> tuple[str, str]:
    """The group, and what decided it."""
    if decided is not None:
        return decided, "transfer"
    known = None if issue_type is None else configuration.issue_types.get(issue_type)
    groups = () if known is None else known.groups
    if not groups:
        return configuration.group_otherwise, "otherwise"
    for position, name in enumerate(groups):
        if configuration.groups[name].speaks(language):
            return name, "language" if position else "issue_type"
    return groups[0], "issue_type"


def _due(
    within: int | None, priority: Priority, opened_ms: int, configuration: Configuration, group: str | None
) -> int | None:
    if within is None:
        return None
    if configuration.priorities[priority].time == "calendar":
        return opened_ms + within
    return add_open_time(opened_ms, within, configuration.calendar_of(group))
