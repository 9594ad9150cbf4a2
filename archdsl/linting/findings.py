"""The operations of a network that a target's rules speak of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from archdsl.graph.network import Network
from archdsl.graph.subgraph import Node
from archdsl.linting.quantities import NoQuantity, quantity
from archdsl.linting.rules import COMPARISONS, OTHER, Rule, RuleFault, Target
from archdsl.records import dataclass
from archdsl.source import Span

_NAMED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Finding:
    """A rule, with the operations of one place in the text of which it says the same."""

    rule: Rule
    message: str
    operation: str
    paths: tuple[str, ...]
    span: Span | None
    """Where the operation is applied; none where nothing tells."""


def findings(network: Network, target: Target) -> tuple[Finding, ...]:
    """What the rules find, rule by rule, in the order of the network. Raises `RuleFault`."""
    found: list[Finding] = []
    for rule in target.rules:
        groups: dict[tuple[str, str, Span | None], list[str]] = {}
        for node in network.nodes:
            if node.operation.name in rule.operations and _holds(network, node, rule):
                message = _NAMED.sub(_filled(network, node, rule), rule.message)
                groups.setdefault((message, node.operation.name, node.span), []).append(node.path)
        found += [Finding(rule, message, name, tuple(paths), span) for (message, name, span), paths in groups.items()]
    return tuple(found)


def _holds(network: Network, node: Node, rule: Rule) -> bool:
    for condition in rule.when:
        value, given = _asked(network, node, rule, condition.quantity), condition.value
        if isinstance(given, str) and given.startswith(OTHER):
            given = _asked(network, node, rule, given[len(OTHER) :])
        try:
            holds = COMPARISONS[condition.comparison](value, given)
        except TypeError:
            raise RuleFault(
                f"rule {rule.name}: {condition.quantity} of {node.operation.name} is {value!r}, which cannot be "
                f"compared with {given!r} by {condition.comparison}"
            ) from None
        if not holds:
            return False
    return True


def _filled(network: Network, node: Node, rule: Rule) -> Callable[[re.Match[str]], str]:
    def text(found: re.Match[str]) -> str:
        if found[1] == "operation":
            return node.operation.name
        return str(_asked(network, node, rule, found[1]))

    return text


def _asked(network: Network, node: Node, rule: Rule, name: str) -> Any:
    try:
        return quantity(network, node, name)
    except NoQuantity:
        raise RuleFault(f"rule {rule.name}: {node.operation.name} has no {name}") from None


__all__ = ["Finding", "findings"]
