"""Questions stand over answers; a long conversation is read at both ends."""

from support.extraction import rules, shipped, talk
from syncline_protocol.extraction.heard import CHARACTERS_MAX, MESSAGES_FIRST, MESSAGES_LAST, hear


def test_a_question_stands_until_the_next() -> None:
    heard = hear(talk("> 请问订单号是多少？", "等一下", "> 好的", "找到了", "> 您的邮箱呢？", "a@b.cn"), shipped())
    asked = [[field.name for field in one.asked] for one in heard]
    assert asked == [[], ["order_number"], [], ["order_number"], [], ["email"]]


def test_a_customer_takes_back_and_the_staff_does_not() -> None:
    heard = hear(talk("1234", "不对，是1235", "> 不对"), shipped())
    assert [one.corrects for one in heard] == [False, True, False]


def test_the_middle_of_a_long_conversation_is_not_read() -> None:
    said = talk(*(str(number) for number in range(MESSAGES_FIRST + MESSAGES_LAST + 50)))
    heard = hear(said, rules(""))
    assert [one.said for one in heard] == [*said[:MESSAGES_FIRST], *said[-MESSAGES_LAST:]]


def test_altogether_so_much_is_read() -> None:
    heard = hear(talk(*["x" * 4_000] * 60), rules(""))
    assert sum(len(one.folded.text) for one in heard) == CHARACTERS_MAX
