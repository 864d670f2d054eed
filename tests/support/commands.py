"""The commands of the console script `syncline`, those that other packages add too."""

from collections.abc import Iterator
from importlib.metadata import entry_points

import typer
from syncline_server import cli
from typer.core import TyperCommand, TyperGroup


def commands() -> dict[str, TyperCommand]:
    """Every command by its name: `chat`, `ticket open`."""
    apps = [cli.app, *(entry.load() for entry in entry_points(group=cli.COMMANDS))]
    return {name: command for app in apps for name, command in _leaves(typer.main.get_group(app), "")}


def _leaves(group: TyperGroup, prefix: str) -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _leaves(command, f"{prefix}{name} ")
        elif isinstance(command, TyperCommand):
            yield f"{prefix}{name}", command
