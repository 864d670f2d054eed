"""Rules for extraction, out of the tables of `syncline.toml`: what there is to look for, by what words.

`docs/guide.md`, "Rules for extraction", is how an operator writes them; `default_rules.toml` beside this module is what
is shipped, in the same form. Reading checks everything at once: afterwards no rule can fail, and none takes longer than
`patterns.py` says.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from syncline_protocol.extraction.folded import Folded
from syncline_protocol.extraction.patterns import compile_pattern
from syncline_protocol.extraction.phrases import Phrase, PhraseIndex, read_phrase
from syncline_protocol.extraction.tables import Table, completed

WEIGHT_MAX: Final = 10
"""What one term may weigh for an issue type, or against it."""

ISSUE_TYPES_MAX: Final = 200
FIELDS_MAX: Final = 100
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Names of issue types and fields: words of a program, as in records."""

KINDS: Final = frozenset({"pattern", "words", "name", "imei", "phone", "email"})
URGENCIES: Final = ("urgent", "high", "low")
"""As priorities are called, the most urgent first; `normal` is what is left."""

LEAST_DEFAULT: Final = 2
"""What has to speak for an issue type: one weak term of the first message does not."""

KEYS: Final = frozenset(
    {
        "corrections",
        "field",
        "fillers",
        "least",
        "only_own",
        "otherwise",
        "product",
        "regions",
        "stop",
        "surnames",
        "urgency",
    }
)
"""What may stand in `[extraction]`."""

REGION: Final = re.compile(r"[A-Z]{2}")
NO_FIELD: Final = "-"
"""In `answers`: something that is said there and is no field, such as a password. It is read over."""

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")


class Term(msgspec.Struct, frozen=True):
    """A phrase and what it weighs for (or, below 0, against) an issue type."""

    phrase: Phrase
    weight: int


class IssueType(msgspec.Struct, frozen=True):
    """A kind of concern. `label` by language; `group`: who takes care of it; `required`: fields that a ticket of it
    needs; `answers`: the fields that bare answers are taken for, in this order, where nobody's question says for which;
    `symptom`: whether something is broken, so that the customer's words for it are a field.
    """

    name: str
    label: Mapping[str, str]
    group: str | None
    required: tuple[str, ...]
    answers: tuple[str, ...]
    symptom: bool
    terms: tuple[Term, ...]


class TermIndex:
    """The terms of all issue types, to be looked for together."""

    __slots__ = ("_index", "_terms")

    def __init__(self, issue_types: Sequence[IssueType]) -> None:
        self._terms = [(number, term) for number, one in enumerate(issue_types) for term in one.terms]
        self._index = PhraseIndex([term.phrase for _, term in self._terms])

    def find(self, folded: Folded) -> Iterator[tuple[int, Term, int, int]]:
        """The issue type's number, the term, and where it stands."""
        for number, start, end in self._index.find(folded):
            yield *self._terms[number], start, end


class Field(msgspec.Struct, frozen=True):
    """A value to look for. `label`: words before it; `asked`: words of a question for it; `unit`: words behind it;
    `value`: what it looks like after these; `alone`: what it looks like where nothing says that it is one.

    `but`: what such a value is not. `words`: how many a value of kind `words` has at most. `first`: of several that are
    equally sure the first holds, not the last.
    """

    name: str
    kind: str
    label: tuple[Phrase, ...]
    asked: tuple[Phrase, ...]
    value: re.Pattern[str] | None
    alone: re.Pattern[str] | None
    unit: tuple[Phrase, ...]
    but: re.Pattern[str] | None
    words: int
    first: bool


class Product(msgspec.Struct, frozen=True):
    """A product or kind of product: `name` is the field's value; `but`: words in which its terms stand for something
    else.
    """

    name: str
    terms: tuple[Phrase, ...]
    but: tuple[Phrase, ...]
    models: tuple[re.Pattern[str], ...]


class Rules(msgspec.Struct, frozen=True):
    """All rules, checked and ready. `otherwise`: the issue type when less than `least` speaks for every other one.

    `corrections`: words by which a customer takes something back; `fillers`: words of messages that say nothing;
    `stop`: words that are no part of a name; `surnames`: what Chinese names begin with.
    """

    issue_types: tuple[IssueType, ...]
    fields: tuple[Field, ...]
    products: tuple[Product, ...]
    urgency: tuple[tuple[str, tuple[Phrase, ...]], ...]
    corrections: tuple[Phrase, ...]
    fillers: tuple[Phrase, ...]
    stop: frozenset[str]
    surnames: frozenset[str]
    regions: Mapping[str, str]
    otherwise: str
    least: int
    terms: "TermIndex"

    @staticmethod
    def read(tables: Mapping[str, Any], *, shipped: Mapping[str, Any] | None = None) -> "Rules":
        """The rules of `tables` (the whole of `syncline.toml`; what is not of extraction is left alone), completed by
        those that are `shipped`: an issue type, field or product of the same name replaces key by key.

        Raises `ValueError` that begins with the path of what is wrong: `extraction.field[0].value: …`.
        """
        own = Table("", tables)
        mine = own.table("extraction")
        ours = Table("shipped", {} if mine.truth("only_own") else shipped or {})
        theirs = ours.table("extraction")
        for key in mine.names():
            if key not in KEYS:
                mine.fail(f"no such key here; there are {', '.join(sorted(KEYS))}", key)
        both = mine.over(theirs)
        urgency = both.table("urgency")
        issue_types = tuple(map(_issue_type, completed(own.tables("issue_type"), ours.tables("issue_type"))))
        rules = Rules(
            issue_types=issue_types,
            fields=tuple(map(_field, completed(mine.tables("field"), theirs.tables("field")))),
            products=tuple(map(_product, completed(mine.tables("product"), theirs.tables("product")))),
            urgency=tuple((level, _phrases(urgency, level)) for level in URGENCIES),
            corrections=_phrases(both, "corrections"),
            fillers=_phrases(both, "fillers"),
            stop=frozenset(word.lower() for word in both.texts("stop")),
            surnames=frozenset(both.texts("surnames")),
            regions=_regions(both.table("regions")),
            otherwise=both.one("otherwise", _name) or "other",
            least=both.whole("least", 1, 100, default=LEAST_DEFAULT),
            terms=TermIndex(issue_types),
        )
        urgency.done()
        if len(rules.issue_types) > ISSUE_TYPES_MAX or len(rules.fields) > FIELDS_MAX:
            mine.fail(f"at most {ISSUE_TYPES_MAX} issue types and {FIELDS_MAX} fields")
        return rules

    def issue_type(self, name: str) -> IssueType | None:
        """The issue type of this name."""
        return next((one for one in self.issue_types if one.name == name), None)


def _issue_type(table: Table) -> IssueType:
    label = table.table("label")
    made = IssueType(
        name=_name_of(table),
        label=MappingProxyType({_language(label, key): label.text(key) for key in label.names()}),
        group=table.one("group", _name),
        required=table.each("required", _name),
        answers=table.each("answers", _answer),
        symptom=table.truth("symptom"),
        terms=tuple(term for one in table.tables("terms") for term in _terms(one)),
    )
    table.done()
    return made


def _terms(table: Table) -> tuple[Term, ...]:
    weight = table.whole("weight", -WEIGHT_MAX, WEIGHT_MAX)
    if weight == 0:
        table.fail("a term that weighs nothing says nothing", "weight")
    return tuple(Term(phrase, weight) for phrase in _in_languages(table, without={"weight"}))


def _field(table: Table) -> Field:
    kind = table.choice("kind", KINDS, default="pattern")
    made = Field(
        name=_name_of(table),
        kind=kind,
        label=_phrases_by_language(table, "label"),
        asked=_phrases_by_language(table, "asked"),
        unit=_phrases_by_language(table, "unit"),
        value=table.one("value", _value_pattern),
        alone=table.one("alone", compile_pattern),
        but=table.one("but", _value_pattern),
        words=table.whole("words", 1, 10, default=3),
        first=table.truth("first"),
    )
    if kind == "pattern" and made.value is None:
        table.fail("a field of kind `pattern` says what its value looks like", "value")
    table.done()
    return made


def _product(table: Table) -> Product:
    made = Product(
        name=table.text("name"),
        terms=_phrases_by_language(table, "terms"),
        but=_phrases_by_language(table, "but"),
        models=table.each("models", _value_pattern),
    )
    table.done()
    return made


def _phrases_by_language(table: Table, key: str) -> tuple[Phrase, ...]:
    return _in_languages(table.table(key), without=())


def _in_languages(table: Table, *, without: Collection[str]) -> tuple[Phrase, ...]:
    """Terms stand by language for whoever reads the file; what a customer mixes is found all the same."""
    languages = [_language(table, key) for key in table.names() if key not in without]
    return tuple(phrase for language in languages for phrase in _phrases(table, language))


def _phrases(table: Table, key: str) -> tuple[Phrase, ...]:
    return table.each(key, read_phrase)


def _language(table: Table, key: str) -> str:
    if LANGUAGE.fullmatch(key) is None:
        table.fail("a language tag is wanted as the key: zh, en, pt-BR", key)
    return key


def _regions(table: Table) -> Mapping[str, str]:
    """Where numbers without a country code are from, by the language of the conversation."""
    return MappingProxyType({_language(table, key): table.one(key, _region) or "" for key in table.names()})


def _region(written: str) -> str:
    if REGION.fullmatch(written) is None:
        raise ValueError("a country is wanted here, in two letters: CN, US")
    return written


def _name_of(table: Table) -> str:
    return table.one("name", _name) or ""


def _name(written: str) -> str:
    if NAME.fullmatch(written) is None:
        raise ValueError(f"{written!r} is no name: lower-case letters, digits and _")
    return written


def _answer(written: str) -> str:
    return written if written == NO_FIELD else _name(written)


def _value_pattern(written: str) -> re.Pattern[str]:
    return compile_pattern(written, any_case=True)
