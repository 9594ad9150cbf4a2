"""The contexts as a TextMate grammar, which VS Code and many other editors color with."""

from __future__ import annotations

import json
from typing import Any

from archdsl.highlighting.contexts import Include, Machine, Rule
from archdsl.highlighting.kinds import KINDS

LEAVES = r"(?=[^ \t\r\n])"


def textmate(machine: Machine) -> str:
    """The grammar as JSON. A context is a rule with a begin and an end, for the engine knows no other."""
    repository: dict[str, Any] = {}
    for name, rules in machine.groups.items():
        repository[name] = {"patterns": [_pattern(machine, rule) for rule in rules]}
    for name, context in machine.contexts.items():
        if name != machine.first:
            repository[name] = {"patterns": [_pattern(machine, rule) for rule in context.rules]}
    grammar = {
        "name": "archdsl",
        "scopeName": "source.arch",
        "fileTypes": ["arch"],
        "patterns": [_pattern(machine, rule) for rule in machine.contexts[machine.first].rules],
        "repository": repository,
    }
    return json.dumps(grammar, indent=2) + "\n"


def _pattern(machine: Machine, rule: Rule | Include) -> dict[str, Any]:
    if isinstance(rule, Include):
        return {"include": f"#{rule.group}"}
    scope = KINDS[rule.kind].textmate if rule.kind is not None else None
    if rule.push is None:
        return {"match": rule.pattern, **({"name": scope} if scope else {})}
    close = machine.contexts[rule.push].close
    found: dict[str, Any] = {"begin": rule.pattern, "end": close.pattern if close is not None else LEAVES}
    if scope:
        found["beginCaptures"] = {"0": {"name": scope}}
    if close is None:
        found["applyEndPatternLast"] = True  # what leaves a context is what none of its rules takes
    elif close.kind is not None:
        found["endCaptures"] = {"0": {"name": KINDS[close.kind].textmate}}
    found["patterns"] = [{"include": f"#{rule.push}"}]
    return found


__all__ = ["textmate"]
