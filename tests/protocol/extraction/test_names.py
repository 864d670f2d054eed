"""Where a name stands, and where it ends."""

import pytest
from support.extraction import shipped
from syncline_protocol.extraction.folded import fold
from syncline_protocol.extraction.names import asked_name, han_names, labelled_name, labelled_words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我姓陈，陈志远，13918274650", "陈志远"),
        ("林晓彤 联系电话 136", "林晓彤"),
        ("欧阳娜娜", "欧阳娜娜"),
        ("好的谢谢", None),
        ("谢谢", None),
        ("Crystal Minh", "Crystal Minh"),
        ("john 8795", "john"),
        ("john and my number is 3", "john"),
        ("let me look for it", None),
        ("I would rather not say", None),
        ("", None),
    ],
)
def test_an_answer_to_who_one_is(text: str, name: str | None) -> None:
    folded = fold(text)
    span = asked_name(folded, shipped())
    assert (folded.text[slice(*span)] if span else None) == name


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("我叫孙悦，电话158", "我叫", "孙悦"),
        ("收件人 郑国栋", "收件人 ", "郑国栋"),
        ("my name is Jean-Luc O'Brien and my password", "my name is ", "Jean-Luc O'Brien"),
        ("my name is not important", "my name is ", None),
        ("我叫了车", "我叫", None),
    ],
)
def test_a_name_behind_its_label(text: str, label: str, name: str | None) -> None:
    folded = fold(text)
    span = labelled_name(folded, len(label), shipped())
    assert (folded.text[slice(*span)] if span else None) == name


def test_names_in_a_sentence_are_not_names_by_themselves() -> None:
    assert list(han_names(fold("王府井的店，高兴，李雷"), shipped())) == [(9, 11)]


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("抬头是上海清源商贸有限公司，税号", "抬头是", "上海清源商贸有限公司"),
        ("company name is awesome music and the password", "company name is ", "awesome music"),
    ],
)
def test_a_firm_behind_its_label(text: str, label: str, words: str) -> None:
    field = next(field for field in shipped().fields if field.name == "company")
    folded = fold(text)
    span = labelled_words(folded, len(label), field, shipped())
    assert span is not None
    assert folded.text[slice(*span)] == words
