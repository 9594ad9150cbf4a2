"""The model card: what the network is, what it costs by every convention, how it is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.package.facts import Facts
from archdsl.backends.package.names import project_name
from archdsl.backends.package.templates import filled
from archdsl.backends.package.texts import code, markdown
from archdsl.backends.torch.header import cost_table
from archdsl.backends.torch.inference import inference_class
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import Cost, count
from archdsl.graph.folding import Folded
from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape


def card_text(network: Network, about: About, facts: Facts, inference: Folded | None) -> str:
    """README.md, also of the form for inference where there is one. The block of YAML at its top has no word of the
    spec."""
    costs = [count(network, convention) for convention in CONVENTIONS.values()]
    cited = [f"{markdown(name)}: {markdown(text)}" for name, text in about.citation.items()]
    spec = " ".join([about.spec, *about.changes])
    return filled(
        "README.md",
        {
            **facts.words(),
            "name": about.name,
            "project": project_name(about.name),
            "about": markdown(about.doc) or f"The network {code(network.name)}.",
            "made": f"Compiled by archdsl {__version__} from {code(spec or network.name)}.",
            "hash": network.hash,
            "stages": "\n".join(cost_table(network)),
            "conventions": _table(["convention", "flops", "params", "acts"], map(_amounts, costs), numbers=3),
            "units": [f"**{cost.convention.name}** ({_version(cost)}): {_units(cost)}" for cost in costs],
            "cited": cited,
            "settings": _table(["setting", "default", "what it is"], _settings(facts)),
            "outputs": _outputs(network),
            "maps_table": _table(["map", "channels", "stride"], _maps(facts), numbers=2),
            "pixels": _pixels(about, facts),
            "inference": _inference(inference, about) if inference is not None else None,
        },
    )


def _inference(found: Folded, about: About) -> dict[str, str]:
    """The class of the form for inference, what was done, and the counts of both forms."""
    both = {"training": found.trained, "inference": found.network}
    forms = [[name, *_amounts(count(network))[1:]] for name, network in both.items()]
    return {
        "cls": inference_class(about),
        "done": found.summary(),
        "forms": _table(["form", "flops", "params", "acts"], forms, numbers=3),
    }


def _amounts(cost: Cost) -> list[str]:
    return [cost.convention.name, f"{cost.flops:,}", f"{cost.params:,}", f"{cost.acts:,}"]


def _version(cost: Cost) -> str:
    return f"{markdown(cost.convention.text)}; version {cost.convention.version}"


def _units(cost: Cost) -> str:
    """What the three numbers count; the first convention says all, the others what differs from it."""
    convention, first = cost.convention, next(iter(CONVENTIONS.values()))
    parts = [f"flops are {markdown(convention.flops.unit)}"]
    if convention.params.unit != first.params.unit or convention is first:
        parts.append(f"params are {markdown(convention.params.unit)}")
    if convention.acts.unit != first.acts.unit or convention is first:
        parts.append(f"acts are {markdown(convention.acts.unit)}")
    return "; ".join(parts) + "."


def _settings(facts: Facts) -> Iterable[list[str]]:
    offered = facts.interface
    if offered.num_classes is not None and offered.takes_classes:
        zero = "; 0 for the features alone" if facts.gives_features else ""
        yield ["`num_classes`", str(offered.num_classes), f"the width of the last layer{zero}"]
    if offered.takes_channels:
        yield ["`in_channels`", str(offered.in_channels), "the channels of the image"]
    if offered.drop_path_rate is not None:
        yield ["`drop_path_rate`", repr(offered.drop_path_rate), "the largest rate of stochastic depth"]
    if offered.sizes_padding:
        yield ["`image_size`", "({}, {})".format(*offered.image_size), "height and width that the padding is for"]


def _outputs(network: Network) -> list[str]:
    names = network.output_names or [""] * len(network.outputs)
    shapes = [show_shape(network.shape(value)) for value in network.outputs]
    return [f"{code(name)}: {shape}" if name else shape for name, shape in zip(names, shapes, strict=True)]


def _maps(facts: Facts) -> Iterable[list[str]]:
    return [[f"`{each.module}`", f"{each.channels:,}", str(each.stride or "")] for each in facts.maps]


def _pixels(about: About, facts: Facts) -> str:
    declared = len(about.mean) == len(about.std) == facts.interface.in_channels
    numbers = [", ".join([format(value, "g") for value in values]) for values in (facts.mean, facts.std)]
    known = "Images have pixels of 0 to 1, less the mean {} by the deviation {}, a number a channel"
    unknown = "The spec says nothing of pixels; timm's configuration has the mean {} and the deviation {}"
    return f"{(known if declared else unknown).format(*numbers)}."


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: int = 0) -> str:
    """A table of Markdown whose last columns are numbers; nothing without rows."""
    body = [list(row) for row in rows]
    if not body:
        return ""
    marks = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, marks, *body)])


__all__ = ["card_text"]
