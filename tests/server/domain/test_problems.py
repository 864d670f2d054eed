"""Problems: one line each, in the file's order, with what was probably meant."""

from syncline_server.domain.problems import (
    CHOICES_SHOWN_MAX,
    SHOWN_CHARACTERS_MAX,
    ConfigurationError,
    Problem,
    instead_of,
    shown,
)


def problem(line: int | None, key: str = "group[1].name") -> Problem:
    return Problem(file="syncline.toml", line=line, key=key, wrong="is missing", right="write it")


def test_a_problem_names_file_line_and_key() -> None:
    assert str(problem(7)) == "syncline.toml:7: group[1].name: is missing; write it"
    assert str(problem(None)) == "syncline.toml: group[1].name: is missing; write it"
    assert str(problem(7, "")) == "syncline.toml:7: is missing; write it"


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    error = ConfigurationError([problem(9), problem(None), problem(3, "b"), problem(3, "a")])
    assert [(one.line, one.key[-1]) for one in error.problems] == [(None, "e"), (3, "b"), (3, "a"), (9, "e")]
    assert str(error).splitlines() == [str(one) for one in error.problems]


def test_a_name_close_to_one_there_is_was_meant_to_be_it() -> None:
    assert instead_of("netwrok", ["software", "network"]) == 'did you mean "network"?'
    assert instead_of("xyz", ["software", "network"]) == 'there is "software", "network"'
    assert instead_of("xyz", iter(())) == "there is none yet"


def test_many_names_are_not_all_told() -> None:
    names = [f"{letter * 9}" for letter in "abcdefghijklmnop"]
    told = instead_of("0", names)
    assert told.count('"') == 2 * CHOICES_SHOWN_MAX
    assert told.endswith(", …")


def test_a_value_is_repeated_as_written_and_not_at_length() -> None:
    assert shown("4 h") == '"4 h"'
    assert shown(4) == "4"
    assert len(shown("x" * 1000)) == SHOWN_CHARACTERS_MAX
