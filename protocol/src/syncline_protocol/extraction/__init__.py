"""From conversation to ticket: issue type and fields out of messages, by rules. Pure; offline as on the server."""

from syncline_protocol.extraction.extract import extract, missing_fields
from syncline_protocol.extraction.rules import Rules
from syncline_protocol.extraction.said import Extracted, Extraction, Guess, IssueGuess, Said, Span

__all__ = ["Extracted", "Extraction", "Guess", "IssueGuess", "Rules", "Said", "Span", "extract", "missing_fields"]
