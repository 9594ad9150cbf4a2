"""What the files of a package say of its module: what its class takes, which maps it gives, which layers it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.torch import Plan, interface
from archdsl.backends.torch.intermediates import Intermediates, intermediates
from archdsl.backends.torch.model import feature_places
from archdsl.backends.torch.printer import lines, text
from archdsl.backends.torch.python import Assign, Dict, Expression, Function, List, Literal, Name, Tuple
from archdsl.graph.network import INPUT, Network, Value
from archdsl.records import dataclass

LEARNED = ("Learned", "LayerScale")
"""Classes of emitted modules whose parameters are neither weights nor a norm's: weight decay leaves them out."""
SIZED = frozenset(("SizedLearned", "SamePad2d"))
"""Classes of emitted modules that are made for images of one size."""
NO_CLASSIFIER = "no single layer of this network decides the classes"
HALF = Fraction(1, 2)
"""Mean and deviation of pixels where a model says none of its images' channels: as in the training entry point."""


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map: the module that gives it, its channels and stride, and the last stage that it needs."""

    module: str
    channels: int
    stride: int
    stage: int
    """-1 for none of them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the templates of a package are filled with."""

    interface: Interface
    parts: Intermediates
    maps: tuple[Map, ...]
    ordered: bool
    """Whether the maps have strides, none smaller than the one before: what timm asks of feature maps."""
    classes: int
    """The width of the vector that the network gives; 0 where it gives anything else."""
    classifier: str | None
    """The path of the layer that decides the classes."""
    gives_features: bool
    features: int | None
    """Channels of the value that enters the head."""
    hidden: int | None
    """Channels that enter the classifier."""
    first: tuple[str, ...]
    """Paths of the layers that read the image."""
    fixed: bool
    """Whether the module is for images of one size."""
    learned: tuple[str, ...]
    """Those of `LEARNED` that the module has."""
    blocks: bool
    head: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    prunes_head: bool
    """Whether no feature map is made in the head."""

    def words(self) -> dict[str, Any]:
        """What the templates read."""
        offered = self.interface
        height, width = offered.image_size
        return {
            "cls": offered.class_name,
            "takes_classes": offered.takes_classes and offered.num_classes is not None,
            "classes": self.classes,
            "takes_channels": offered.takes_channels,
            "channels": offered.in_channels,
            "drop_path": offered.drop_path_rate is not None,
            "height": height,
            "width": width,
            "sizes_padding": offered.sizes_padding,
            "classifier": self.classifier,
            "gives_features": self.gives_features,
            "features": self.features,
            "hidden": self.hidden,
            "learned": self.learned,
            "blocks": self.blocks,
            "head": self.head,
            "abc": ", ".join([*(["Iterator"] if self.blocks else []), *(["Sequence"] if self.maps else [])]),
            "maps": self.maps,
            "ordered": self.ordered,
            "chain": self.parts.chain,
            "prunes_head": self.prunes_head,
            "single": self.parts.before is not None,
            "last_and_maps": _method(self.parts.last_and_maps),
            "forward_head": _method(self.parts.forward_head),
            "feature_info": _assigned("FEATURES", List(tuple([_entry(each) for each in self.maps]))),
            "last_stages": text(_literal(tuple([each.stage for each in self.maps]))),
            "learned_classes": text(_either([Name(f"_network.{name}") for name in self.learned])),
            "pre_logits": self.parts.before is not None and self.gives_features,
            **self._reasons(),
            "configuration": _assigned("CONFIGURATION", self._configuration()),
        }

    def _reasons(self) -> dict[str, str]:
        """Why the adapter does not do something, where that depends on the network."""
        classifier = self.classifier is not None
        return {
            "why_fixed": "more than the classifier depends on the classes" if classifier else NO_CLASSIFIER,
            "why_no_logits": "without its classifier the head gives no vector" if classifier else NO_CLASSIFIER,
            "why_no_maps": "its maps do not come in order of strides" if self.maps else "it has no feature maps",
        }

    def _configuration(self) -> Expression:
        offered = self.interface
        return _entries(
            {
                "input_size": (offered.in_channels, *offered.image_size),
                "num_classes": self.classes,
                "mean": self.mean,
                "std": self.std,
                "first_conv": self.first[0] if len(self.first) == 1 else self.first or None,
                "classifier": self.classifier,
                "fixed_input_size": self.fixed,
            }
        )


def facts_of(network: Network, about: About, plan: Plan, names: frozenset[str]) -> Facts:
    """The facts about a network whose emitted module reads these names."""
    parts = intermediates(plan, about.drop_path_rate)
    maps = tuple(_maps(network))
    strides = [each.stride for each in maps]
    node = network.nodes[plan.classifier] if plan.classifier is not None else None
    before = network.shape(parts.before) if parts.before is not None else None
    channels = int(network.input[0])
    paths = [each.path for each in network.nodes]
    return Facts(
        interface=interface(network, about, plan),
        parts=parts,
        maps=maps,
        ordered=bool(maps) and min(strides) > 0 and strides == sorted(strides),
        classes=_classes(network),
        classifier=node.path if node is not None else None,
        gives_features=plan.gives_features,
        features=int(before[0]) if before is not None else None,
        hidden=int(network.input_shapes(node)[0][0]) if node is not None else None,
        first=tuple([each.path for each in network.nodes if INPUT in each.inputs and each.operation.mixes]),
        fixed=not SIZED.isdisjoint(names),
        learned=tuple([name for name in LEARNED if name in names]),
        blocks=any(re.match(r"stages\.\d+\.blocks\.\d+", path) for path in paths),
        head=any(path.split(".")[0] == "head" for path in paths),
        mean=_per_channel(about.mean, channels),
        std=_per_channel(about.std, channels),
        prunes_head=not any(each.module.split(".")[0] == "head" for each in maps),
    )


def _classes(network: Network) -> int:
    shapes = [network.shape(value) for value in network.outputs]
    return int(shapes[0][0]) if len(shapes) == 1 and len(shapes[0]) == 1 else 0


def _maps(network: Network) -> list[Map]:
    ends: dict[Value, str] = {}
    for path, values in network.ends:
        for value in values:
            ends.setdefault(value, path)
    found = []
    for _, value, stride in feature_places(network):
        path = ends.get(value, network.nodes[value.node].path)
        stage = re.match(r"stages\.(\d+)", path)
        found.append(Map(path, int(network.shape(value)[0]), stride or 0, int(stage[1]) if stage else -1))
    return found


def _per_channel(values: Sequence[Fraction], channels: int) -> tuple[float, ...]:
    return tuple([float(value) for value in (values if len(values) == channels else [HALF] * channels)])


# Python


def _entry(each: Map) -> Expression:
    entries: dict[str, Any] = {"num_chs": each.channels, "reduction": each.stride, "module": each.module}
    return Dict(tuple([(Literal(key), Literal(value)) for key, value in entries.items()]))


def _entries(values: dict[str, Any]) -> Expression:
    return Dict(tuple([(Literal(key), _literal(value)) for key, value in values.items()]), spread=True)


def _assigned(name: str, value: Expression) -> str:
    return "\n".join(lines(Assign(Name(name), value)))


def _either(classes: Sequence[Expression]) -> Expression:
    return classes[0] if len(classes) == 1 else Tuple(tuple(classes))


def _method(function: Function | None) -> str:
    return "\n".join(lines(function, 4)) if function is not None else ""


def _literal(value: Any) -> Expression:
    return Tuple(tuple([_literal(part) for part in value])) if isinstance(value, tuple) else Literal(value)


__all__ = ["Facts", "Map", "facts_of"]
