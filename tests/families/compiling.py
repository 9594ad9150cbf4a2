"""Compiling sources that stand in tests or in `specs/`, and reading stages off the network itself.

What a stage is like is read from the graph of operations, not from the settings that made it, so that a
test sees the network that would be counted and built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sampling import TIMES

from archdsl.analysis.program import Definition, Program
from archdsl.analysis.resolve import resolve
from archdsl.compiler import Changes, Compilation, Compiled, Compiler
from archdsl.diagnostics import Diagnostic, Diagnostics, Fault
from archdsl.graph.cost import count
from archdsl.graph.network import Network, Node
from archdsl.resources import read_data, spec_files
from archdsl.source import Source, Span
from archdsl.zoo import declared

ORACLE = Path(__file__).resolve().parent.parent / "oracle"
ZOO_FILES = spec_files()
"""Every file of networks below `specs/`."""


class Specs:
    """Reads `specs/` and the standard library; a source of a test stands among the specs."""

    def file(self, path: str) -> Source:
        try:
            return Source(path, read_data(path))
        except OSError:
            source = Source(path, "")
            raise Fault(Diagnostic("E110", f"{path} cannot be read", Span(source, 0, 0))) from None

    def library(self, name: str) -> Source | None:
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except OSError:
            return None


class Keeping(Compiler):
    """Keeps the programs of the files below `specs/`: some have dozens of networks, which tests compile one by one."""

    def program(self, source: Source, diagnostics: Diagnostics) -> Program:
        if source.name not in ZOO_FILES:
            return super().program(source, diagnostics)
        program, told = _resolved(source)
        diagnostics.extend(told)
        return program


COMPILER = Keeping(Specs())


@cache
def _resolved(source: Source) -> tuple[Program, Diagnostics]:
    told = Diagnostics()
    return resolve(source, COMPILER.read, COMPILER.library, told), told


networks = cache(declared)
"""The files of all shipped networks and families, by name."""


def text_source(text: str) -> Source:
    """A source that can use the specs beside it."""
    return Source("specs/test.arch", text if text.startswith("arch ") else f"arch 1\n{text}")


def file_source(path: str) -> Source:
    """A file of networks, by its path from the project's root."""
    return Source(path, read_data(path))


def spec_source(name: str) -> Source:
    """The file that declares a shipped network or family."""
    return file_source(networks()[name])


def spec(name: str, **changes: Any) -> Compilation:
    """A shipped network or family, compiled with what `compiled` takes."""
    return compiled(spec_source(name), name, **changes)


@cache
def zoo_names() -> tuple[str, ...]:
    """All shipped networks; a family without claims is none, even if its parameters have values."""
    found: list[str] = []
    for path in ZOO_FILES:
        program = COMPILER.program(file_source(path), Diagnostics())
        for name, named in program.models.items():
            if name not in program.entry.used and not (isinstance(named, Definition) and named.is_family):
                found.append(name)
    return tuple(found)


SOME = (
    *("efficientnet_b0", "efficientnetv2_s", "efficientnetv2_b0", "efficientnet_b4_fused_1_7"),
    *("efficientnet_lite0", "efficientnetv2_s_preprint", "fbnetc", "mixnet_s", "mnasnet_a1", "mobilenetv1"),
    *("mobilenetv2", "mobilenetv3_large", "mobilenetv4_hybrid_m", "mobileone_s0", "mobileone_s0_deployed"),
    *("proxylessnas_mobile", "botnet26_t", "cait_xxs24", "coatnet_0", "convnext_t", "convnextv2_atto"),
    *("cspdarknet53", "densenet121", "dla34", "dpn68", "efficientformer_l1", "efficientvit_b0", "fasternet_t0"),
    *("focalnet_t_srf", "resnet50_fpn", "ghostnet_1_0x", "hrnet_w18_small", "inception_v3", "inception_v4"),
    *("inception_resnet_v2", "inceptionnext_atto", "mixer_s16", "mobilevit_xs", "mobilevitv2_0_5x"),
    *("poolformer_s12", "pvt_v2_b0", "repvgg_a0", "res2net50_26w_4s", "fcn_resnet50", "deeplabv3_resnet50"),
    *("lraspp_mobilenetv3_large", "shufflenetv2_1_0x", "squeezenet_1_1", "mobilenetv1_ssdlite", "starnet_s1"),
    *("unet", "vgg16_bn", "vit_ti16", "deit_ti16_distilled", "ese_vovnet39b", "xception41", "yolov8n", "anynet_r"),
    *("anynet_v", "regnetx_400mf", "regnety_200mf", "regnetz_500mf", "anynet_small", "regnety_4gf"),
    *("eca_resnet50_d", "nf_resnet50", "resnest50d", "resnet18", "resnext50", "sk_resnet18", "rexnet_lite_1_0x"),
    *("rexnet_plain", "rexnet_1_0x", "rexnet_0_9x_ssdlite", "efficientnet_b0_to_4gf", "regnety_4gf_dwr4"),
    "regnetz_500mf_to_4gf",
)
"""Shipped networks, small ones, that together have every file, block and operation with each of its words.

`test_spec_counts` says which are missing.
"""


def some_names() -> Sequence[str]:
    """`SOME`; every shipped network in `make thorough`.

    For what is long, and the same work for what networks have alike: to emit, to read back, to show, closed forms.
    """
    return SOME if TIMES == 1 else zoo_names()


FEW = (
    *("botnet26_t", "cait_xxs24", "coatnet_0", "convnextv2_atto", "cspdarknet53", "eca_resnet50_d"),
    *("deit_ti16_distilled", "efficientformer_l1", "efficientnet_b0", "efficientnet_lite0", "efficientvit_b0"),
    *("focalnet_t_srf", "resnet50_fpn", "lraspp_mobilenetv3_large", "mixer_s16", "mobilevitv2_0_5x", "nf_resnet50"),
    *("poolformer_s12", "regnety_4gf", "regnetz_500mf_to_4gf", "regnety_4gf_dwr4", "resnet18", "rexnet_lite_1_0x"),
    *("shufflenetv2_1_0x", "sk_resnet18", "squeezenet_1_1", "unet", "yolov8n", "anynet_small", "densenet121"),
)
"""Those of `SOME` that together have every operation with each of its words.

`test_spec_counts` says which are missing.
"""


def few_names() -> Sequence[str]:
    """`FEW`; every shipped network in `make thorough`. For what depends on operations, and on no block."""
    return FEW if TIMES == 1 else zoo_names()


def compiled(
    source: Source | str,
    name: str | None = None,
    *,
    settings: Mapping[str, object] | None = None,
    scalings: Sequence[str] = (),
    size: int | None = None,
) -> Compilation:
    """A compilation, whatever came of it."""
    if isinstance(source, str):
        source = text_source(source)
    pairs = tuple((key, str(value)) for key, value in (settings or {}).items())
    changes = Changes(pairs, tuple(scalings), f"{size}x{size}" if size is not None else None)
    return COMPILER.compile(source, name, changes)


def network_of(compilation: Compilation) -> Network:
    """The network of a compilation without errors."""
    faults = [f"{d.span}: {d.code}: {d.message}" for d in compilation.diagnostics if d.code.startswith("E")]
    assert not faults, "\n".join(faults)
    assert isinstance(compilation, Compiled)
    return compilation.network


@dataclass(frozen=True)
class StageShape:
    """What a stage of a network is like.

    `group_width` is that of the convolutions with the largest kernel; none where they differ.
    """

    depth: int
    width: int
    group_width: int | None
    widths: tuple[int, ...]


def stage_shapes(network: Network) -> list[StageShape]:
    """The stages of a network, from its nodes."""
    blocks: dict[tuple[int, int], list[Node]] = {}
    for node in network.nodes:
        if node.path.startswith("stages."):
            _, stage, _, block, *_ = node.path.split(".")
            blocks.setdefault((int(stage), int(block)), []).append(node)
    found: list[StageShape] = []
    for index in sorted({stage for stage, _ in blocks}):
        mine = [nodes for (stage, _), nodes in blocks.items() if stage == index]
        widths = tuple(nodes[-1].shapes[0][0] for nodes in mine)
        convolutions = [node for nodes in mine for node in nodes if node.operation.name == "conv"]
        largest = max((node.operation.kernel[0] for node in convolutions), default=0)
        groups = {n.shapes[0][0] // n.operation.groups for n in convolutions if n.operation.kernel[0] == largest}
        found.append(StageShape(len(mine), widths[0], groups.pop() if len(groups) == 1 else None, widths))
    return found


def end_width(network: Network, end: str) -> int | None:
    """The channels that the convolution of a stem or head makes; none if it has no convolution."""
    convolutions = [n for n in network.nodes if n.path.split(".")[0] == end and n.operation.name == "conv"]
    return convolutions[0].shapes[0][0] if convolutions else None


def totals(network: Network) -> dict[str, int]:
    """The counts of a network, by the names of the records."""
    papers = count(network)
    found = {"flops": papers.flops, "params": papers.params, "acts": papers.acts}
    found["macs"] = count(network, "macs").flops
    found["acts_2020"] = count(network, "regnet_2020").acts
    found["params_keras"] = count(network, "keras").params
    found["flops_tf_profiler"] = count(network, "tf_profiler").flops
    return found


@cache
def records(file: str, key: str = "models") -> dict[str, Any]:
    """The records of a file of the oracle."""
    found: dict[str, Any] = json.loads((ORACLE / f"{file}.json").read_text(encoding="utf-8"))[key]
    return found


def differences(network: Network, record: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """What a record says otherwise: (the network's, the record's) by name. Empty for equal networks."""
    stages = stage_shapes(network)
    found: dict[str, object] = {
        **totals(network),
        "resolution": network.input[1],
        "stem": end_width(network, "stem"),
        "head": end_width(network, "head"),
        "depths": [stage.depth for stage in stages],
        "widths": [stage.width for stage in stages],
        "group_widths": [stage.group_width for stage in stages],
        "block_widths": [width for stage in stages for width in stage.widths],
    }
    return {key: (found[key], record[key]) for key in found.keys() & record.keys() if found[key] != record[key]}
