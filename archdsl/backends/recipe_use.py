"""What a recipe asks of a network that the network has not: it is left out, and said.

A recipe is for networks of a kind, and a network may lack what it sets: a rate of stochastic depth needs blocks that
drop paths. What enters is a recipe and a network; what leaves is the recipe as it is used, and why each path is not.
"""

from __future__ import annotations

from dataclasses import replace

from archdsl.graph.network import Network
from archdsl.training.recipe import Recipe

NORMS = frozenset(("batch_norm", "layer_norm", "group_norm"))


def unused(recipe: Recipe, network: Network) -> dict[str, str]:
    """By the path in the recipe, what the network has not. A rate of 0 asks for nothing."""
    operations = {node.operation.name for node in network.nodes}
    drops = any(dict(n.operation.constants).get("rate") for n in network.nodes if n.operation.name == "drop_path")
    staged = {name: max(values) for name, values in recipe.staged}
    found: dict[str, str] = {}
    for name, has, reason in (
        ("drop_path", drops, "no stochastic depth"),
        ("dropout", "dropout" in operations, "no dropout"),
    ):
        if not has and (getattr(recipe, name) or 0) > 0:
            found[name] = reason
        if not has and staged.get(name, 0) > 0:
            found[f"progressive.{name}"] = reason
    if "norms" in recipe.optimizer.undecayed and not operations & NORMS:
        found["optimizer.undecayed"] = "no norms"
    if recipe.precise_bn is not None and "batch_norm" not in operations:
        found["precise_bn"] = "no batch norm"
    if recipe.lighting > 0 and network.input[0] != 3:
        found["lighting"] = f"images of {network.input[0]} channels, not 3"
    return found


def as_used(recipe: Recipe, network: Network) -> Recipe:
    """The recipe without what `unused` names."""
    left = unused(recipe, network)
    staged = tuple([(name, values) for name, values in recipe.staged if f"progressive.{name}" not in left])
    optimizer = recipe.optimizer
    if "optimizer.undecayed" in left:
        optimizer = replace(optimizer, undecayed=tuple([part for part in optimizer.undecayed if part != "norms"]))
    return replace(
        recipe,
        optimizer=optimizer,
        staged=staged,
        drop_path=None if "drop_path" in left else recipe.drop_path,
        dropout=None if "dropout" in left else recipe.dropout,
        precise_bn=None if "precise_bn" in left else recipe.precise_bn,
        lighting=type(recipe.lighting)(0) if "lighting" in left else recipe.lighting,
    )


__all__ = ["as_used", "unused"]
