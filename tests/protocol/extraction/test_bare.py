"""Answers of which the questions were not kept."""

from support.extraction import read, values


def test_they_are_taken_in_the_order_of_the_issue_types_answers() -> None:
    found = values("skype is not working", "john 8795", "gigabytes net")
    assert (found["customer"], found["account_number"], found["company"]) == ("john", "8795", "gigabytes net")


def test_what_is_no_field_is_read_over() -> None:
    found = values("i want to claim my travel expenses", "karthick", "1998", "300")
    assert (found["customer"], found["amount"]) == ("karthick", "300")
    assert "1998" not in found.values()


def test_they_are_the_least_sure() -> None:
    found = {field.name: field.confidence for field in read("skype is not working", "my name is john", "8795").fields}
    assert found["account_number"] < found["customer"]


def test_where_the_staff_asks_nothing_is_guessed() -> None:
    assert "customer" not in values("skype is not working", "> how long has it been?", "john 8795")


def test_greetings_and_sentences_are_no_answers() -> None:
    found = values("hello", "skype is not working", "ok thanks", "it has been like this since last monday you know")
    assert set(found) == {"product", "symptom"}
