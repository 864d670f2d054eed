"""A configuration at a glance, for whoever wrote it: what `syncline check-config` shows of one that is right."""

from collections.abc import Iterable, Iterator

from syncline_server.domain.configuration import Configuration, Group, IssueType, PriorityTimes

Row = tuple[str, str, str]
"""What kind of thing, its name, and what there is to say of it."""


def rows(configuration: Configuration) -> Iterator[Row]:
    """One row for each thing that there is, in the file's order; shipped ones as well."""
    for group in configuration.groups.values():
        yield "group", group.name, _of_group(group, configuration)
    for issue_type in configuration.issue_types.values():
        yield "issue type", issue_type.name, _of_issue_type(issue_type, configuration)
    for calendar in configuration.calendars.values():
        yield "calendar", calendar.name, _told([calendar.zone, _count(len(calendar.special), "special day")])
    for shift in configuration.shifts:
        yield "shift", shift.user or f"group {shift.group}", shift.calendar
    for priority in configuration.priorities.values():
        yield "priority", priority.name.value, _of_priority(priority)
    for status, labels in configuration.labels.items():
        yield "label", status, _told(f"{language}: {text}" for language, text in labels.items())
    ticket = configuration.ticket
    closes = (
        "stays open when resolved" if ticket.close_after is None else f"closes {ticket.close_after} after resolution"
    )
    yield "ticket", "", _told([f"customers read {ticket.show_responsible} of who is on it", closes])
    rules = configuration.rules
    yield "extraction", "", _told([_count(len(rules.fields), "field"), _count(len(rules.products), "product")])
    if configuration.extractor is not None:
        extractor = configuration.extractor
        yield "extractor", "", f"{extractor.url}, waited for {extractor.timeout}"


def _of_group(group: Group, configuration: Configuration) -> str:
    return _told([
        ", ".join(group.members) or "no members but by token",
        f"speaks {', '.join(group.languages)}" if group.languages else "",
        f"calendar {configuration.calendar_of(group.name).name}",
    ])  # fmt: skip


def _of_issue_type(issue_type: IssueType, configuration: Configuration) -> str:
    groups = issue_type.groups or (f"{configuration.group_otherwise} (as everything else)",)
    return _told([
        "to " + ", else ".join(groups),
        f"priority {issue_type.priority.value}",
        f"wants {', '.join(issue_type.required)}" if issue_type.required else "",
    ])  # fmt: skip


def _of_priority(times: PriorityTimes) -> str:
    return _told([
        f"answered within {times.respond_within}" if times.respond_within else "",
        f"solved within {times.resolve_within}" if times.resolve_within else "",
        f"in {times.time} time",
    ])  # fmt: skip


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _told(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)
