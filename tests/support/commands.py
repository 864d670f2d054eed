"""The commands of the console script `syncline`, those that other packages add too."""

from importlib.metadata import entry_points

import typer
from syncline_server import cli
from typer.core import TyperCommand


def commands() -> dict[str, TyperCommand]:
    """Every command by its name."""
    apps = [cli.app, *(entry.load() for entry in entry_points(group=cli.COMMANDS))]
    groups = [typer.main.get_group(app) for app in apps]
    leaves = ((name, command) for group in groups for name, command in group.commands.items())
    return {name: command for name, command in leaves if isinstance(command, TyperCommand)}
