"""The rules of a target. A file is JSON in the form of `Target`; a rule says nothing without a source."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal

from archdsl.graph.operations import OPERATIONS
from archdsl.records import dataclass, documented

Severity = Literal["unsupported", "slow", "inexact"]
SEVERITIES: dict[Severity, str] = {
    "unsupported": "the engine leaves it to another processor, or refuses the network",
    "slow": "it runs below what the engine can do",
    "inexact": "8 bits lose more here than elsewhere",
}
OTHER = "@"
"""A value that begins with it names another quantity of the same operation."""
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, given: value in given,
    "not in": lambda value, given: value not in given,
    "multiple of": lambda value, given: value % given == 0,
    "not multiple of": lambda value, given: value % given != 0,
}


class RuleFault(Exception):
    """What is wrong with a file of rules, in one line."""


@documented
class Document:
    """The document that a rule rests on."""

    title: str
    url: str
    says: str
    """What it says, in our words."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`channels_out not multiple of 32`: a quantity, how it is compared, and with what."""

    quantity: str
    comparison: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """Operations for which all conditions hold are findings."""

    name: str
    severity: Severity
    operations: tuple[str, ...]
    when: tuple[Condition, ...]
    message: str
    """With quantities in braces: `{channels_out} channels`."""
    help: str | None
    source: Document


@dataclass(frozen=True, slots=True)
class Target:
    """An engine with its rules."""

    name: str
    text: str
    rules: tuple[Rule, ...]


def target_of(text: str, name: str) -> Target:
    """The target that a text of JSON holds. Raises `RuleFault`."""
    try:
        content = json.loads(text)
    except ValueError as fault:
        raise RuleFault(f"it is no JSON: {fault}") from None
    except RecursionError:
        raise RuleFault("it is no JSON: lists within lists, too deep") from None
    held = _fields(content, "the file", {"text": str, "rules": list})
    rules = tuple([_rule(each, number) for number, each in enumerate(held["rules"], 1)])
    twice = [rule.name for n, rule in enumerate(rules) if rule.name in [other.name for other in rules[:n]]]
    if twice:
        raise RuleFault(f"two rules are called {twice[0]}")
    return Target(name, held["text"], rules)


def _rule(content: Any, number: int) -> Rule:
    place = f"rule {number}"
    kinds = {
        "name": str,
        "severity": str,
        "operations": list,
        "when": list,
        "message": str,
        "help": str,
        "source": dict,
    }
    held = _fields(content, place, kinds, optional=("when", "help"))
    place = f"rule {held['name']}"
    if held["severity"] not in SEVERITIES:
        raise RuleFault(f"{place}: a severity is {', '.join(SEVERITIES)}, not {held['severity']!r}")
    unknown = [name for name in held["operations"] if not isinstance(name, str) or name not in OPERATIONS]
    if unknown:
        raise RuleFault(f"{place}: there is no operation {unknown[0]!r}")
    source = Document(**_fields(held["source"], f"{place}, source", {"title": str, "url": str, "says": str}))
    when = tuple([_condition(each, place) for each in held.get("when", [])])
    operations = tuple(held["operations"])
    return Rule(held["name"], held["severity"], operations, when, held["message"], held.get("help"), source)


def _condition(content: Any, place: str) -> Condition:
    if not isinstance(content, list) or len(content) != 3 or not all(isinstance(part, str) for part in content[:2]):
        raise RuleFault(f'{place}: a condition is ["channels_out", "not multiple of", 8], not {content!r:.100}')
    quantity, comparison, value = content
    if comparison not in COMPARISONS:
        raise RuleFault(f"{place}: there is no comparison {comparison!r:.100}; there are {', '.join(COMPARISONS)}")
    if comparison.endswith("multiple of") and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise RuleFault(f"{place}: {comparison} a whole number of 1 or more, not {value!r:.100}")
    if comparison in ("in", "not in") and not isinstance(value, list):
        raise RuleFault(f"{place}: {comparison} a list, not {value!r:.100}")
    return Condition(quantity, comparison, value)


def _fields(content: Any, place: str, kinds: Mapping[str, type], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of an object, each of its kind, and no others. Raises `RuleFault`."""
    if not isinstance(content, dict):
        raise RuleFault(f"{place} is no object")
    unknown = next((name for name in content if name not in kinds), None)
    if unknown is not None:
        raise RuleFault(f"{place} has no field {unknown!r:.100}; its fields are {', '.join(kinds)}")
    for name, kind in kinds.items():
        if name not in content and name not in optional:
            raise RuleFault(f"{place} has no {name}")
        if name in content and not isinstance(content[name], kind):
            raise RuleFault(f"{place}: its {name} is {content[name]!r:.100}")
    return {name: content[name] for name in kinds if name in content}


__all__ = [
    "COMPARISONS",
    "OTHER",
    "SEVERITIES",
    "Condition",
    "Document",
    "Rule",
    "RuleFault",
    "Severity",
    "Target",
    "target_of",
]
