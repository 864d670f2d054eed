"""Configurations out of a text, as a test writes it."""

from textwrap import dedent

from syncline_server.domain.configuration import Configuration
from syncline_server.domain.configuration_file import read_text

FILE = "syncline.toml"


def configured(text: str) -> Configuration:
    """The configuration that a text says; lines may be indented alike."""
    return read_text(dedent(text), file=FILE)
