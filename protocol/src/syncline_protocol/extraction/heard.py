"""The messages of a conversation made ready to be matched: folded once, with the questions that stand over each."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from syncline_protocol.extraction.folded import Folded, fold
from syncline_protocol.extraction.phrases import Phrase
from syncline_protocol.extraction.rules import Field, Rules
from syncline_protocol.extraction.said import Said

MESSAGES_FIRST: Final = 100
MESSAGES_LAST: Final = 400
"""Messages that are read of a long conversation: how it began, and where it is now."""


CHARACTERS_MAX: Final = 200_000
"""Code points that are matched of a conversation altogether: 500 long letters. What is beyond is not read."""


class Heard(NamedTuple):
    """A message of whoever, folded. `asked`: the fields that the staff's last question wants to know, of a customer's
    message; `corrects`: whether the customer takes something back in it.
    """

    said: Said
    folded: Folded
    asked: tuple[Field, ...]
    corrects: bool


def hear(said: Sequence[Said], rules: Rules) -> tuple[Heard, ...]:
    """The messages, in order. A question stands until the staff asks something else."""
    if len(said) > MESSAGES_FIRST + MESSAGES_LAST:
        said = [*said[:MESSAGES_FIRST], *said[-MESSAGES_LAST:]]
    heard: list[Heard] = []
    asked: tuple[Field, ...] = ()
    left = CHARACTERS_MAX
    for one in said:
        folded = fold(one.text[: max(left, 0)])
        left -= len(folded.text)
        if one.is_customer:
            heard.append(Heard(one, folded, asked, says(folded, rules.corrections)))
        else:
            now = tuple(field for field in rules.fields if says(folded, field.asked))
            asked = now or asked
            heard.append(Heard(one, folded, (), corrects=False))
    return tuple(heard)


def says(folded: Folded, phrases: Sequence[Phrase]) -> bool:
    """Whether any of the phrases is in the text."""
    return any(True for phrase in phrases for _ in phrase.find(folded))
