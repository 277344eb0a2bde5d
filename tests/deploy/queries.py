"""As much of PromQL as it takes to see which metrics, labels and label values a query names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[A-Za-z_:][\w:]*|=~|!~|!=|\S')
_NAME = re.compile(r"[A-Za-z_:][\w:]*")
_GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_WORDS = {"and", "or", "unless", "offset", "bool"}


@dataclass
class Selector:
    """One metric in a query. matchers: (label, operator, value)."""

    metric: str
    matchers: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Query:
    selectors: list[Selector]
    grouping: set[str]

    @property
    def metrics(self) -> set[str]:
        return {selector.metric for selector in self.selectors}


def parse(text: str) -> Query:
    query, tokens = Query([], set()), _TOKEN.findall(text)
    place = 0
    while place < len(tokens):
        token, following = tokens[place], tokens[place + 1] if place + 1 < len(tokens) else ""
        if token in _GROUPING:
            end = tokens.index(")", place)
            query.grouping |= set(tokens[place + 2 : end]) - {","}
            place = end
        elif token == "{":
            end = tokens.index("}", place)
            query.selectors[-1].matchers = list(_matchers(tokens[place + 1 : end]))
            place = end
        elif _NAME.fullmatch(token) and token not in _WORDS and following != "(" and not _aggregates(following):
            query.selectors.append(Selector(token))
        place += 1
    return query


def _aggregates(following: str) -> bool:
    """`sum by (…)`: the word before a grouping is an operator, unless the grouping belongs to a vector match."""
    return following in {"by", "without"}


def _matchers(tokens: list[str]) -> Iterator[tuple[str, str, str]]:
    parts = [token for token in tokens if token != ","]
    for label, operator, value in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        yield label, operator, value.strip('"')
