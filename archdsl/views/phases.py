"""What `archdsl check --emit` shows: what each phase of the compiler makes of a file."""

from __future__ import annotations

from archdsl.analysis.model import Rule
from archdsl.analysis.program import Builtin, Definition, Instance, Named, Primitive, Program, Reader
from archdsl.analysis.resolve import Library, resolve
from archdsl.analysis.trace import show_value
from archdsl.compiler import Compiled, Compiler
from archdsl.diagnostics import Diagnostics
from archdsl.graph.cost import count
from archdsl.graph.network import Network
from archdsl.graph.shapes import show
from archdsl.parts import rows_of
from archdsl.resources import library_modules
from archdsl.source import Source
from archdsl.spaces.entry import spaces_of
from archdsl.syntax.dump import dump, dump_tokens
from archdsl.syntax.parser import parse
from archdsl.views.spaces import space_text
from archdsl.views.tables import places, size, table


def of_source(source: Source, reader: Reader, phase: str, diagnostics: Diagnostics) -> str:
    """Tokens, syntax tree, names, or spaces. Raises `Fault` where the file has no tokens."""
    if phase == "tokens":
        return dump_tokens(source)
    if phase == "ast":
        tree, faults = parse(source)
        diagnostics.extend(faults)
        return dump(tree)
    if phase == "spaces":
        compiler = Compiler(reader)
        program = compiler.program(source, diagnostics)
        return "\n".join([space_text(space) for space in spaces_of(compiler, program, diagnostics)])
    return _names(resolve(source, reader, Library(library_modules()), diagnostics))


def of_model(result: Compiled, phase: str) -> str:
    """The stage list, the graph, or the cost of every operation, of a model that has a network."""
    network, model = result.network, result.model
    if phase == "stages":
        return _stages(result)
    if phase == "graph":
        return _graph(network)
    cost = count(network)
    rows = [
        [r.path, r.block, places(r.outputs), r.flops, r.params, r.acts, r.buffers] for r in rows_of(model, cost, "op")
    ]
    rows.append(["total", None, None, cost.flops, cost.params, cost.acts, cost.buffers])
    head = f"# {cost.convention.name} {cost.convention.version}: flops are {cost.convention.unit}\n"
    return head + table(["path", "operation", "output", "flops", "params", "acts", "buffers"], rows, totals=True)


def _names(program: Program) -> str:
    """Every module of the program, with what each of its names stands for."""
    lines = []
    for module in program.modules:
        lines.append(f"module {module.name}" + (" (library)" if module.library else ""))
        for name, named in module.names.items():
            taken = f"  from {module.used[name]}" if name in module.used else ""
            lines.append(f"  {name:24} {_what(named)}{taken}")
    return "".join(line + "\n" for line in lines)


def _what(named: Named) -> str:
    match named:
        case Definition():
            inputs = f"{', '.join(named.inputs)}{'...' * named.variadic}; " if named.inputs else ""
            return f"{named.kind} {named.name}({inputs}{', '.join(named.parameter_names)})"
        case Instance():
            return f"model {named.name}, of {named.family}"
        case Primitive():
            return f"operation {named.name}"
        case Builtin():
            return f"function {named.name}"
        case _:
            return "not found"


def _stages(result: Compiled) -> str:
    """Every stage with its settings after `fit`; requested and used, where these differ."""
    model = result.model
    lines = [f"model {model.name}", f"input {show_value(model.shape)}"]
    if model.stem is not None:
        lines.append(f"stem {show_value(model.stem)}")
    for index, blocks in enumerate(result.settings):
        stage = model.stages[index]
        lines.append(f"stages.{index}: {show_value(stage.depth.value)} x {stage.block.name}")
        if stage.enter is not None:
            lines.append(f"  enter = {show_value(stage.enter)}")
        for name in blocks[0]:
            settings = [settings[name] for settings in blocks]
            values = [show_value(s.value) for s in settings]
            text = ", ".join(values) if isinstance(stage.settings.get(name), Rule) else values[0]
            asked = settings[0].requested
            was = (
                f"  (requested {show_value(asked.value)})"
                if asked is not None and asked.value != settings[0].value
                else ""
            )
            lines.append(f"  {name} = {text}{was}")
        for position, override in sorted(stage.overrides.items()):
            lines += [f"  blocks.{position}.{n} = {show_value(s.value)}" for n, s in override.items()]
    if model.head is not None:
        lines.append(f"head {show_value(model.head)}")
    return "".join(line + "\n" for line in lines)


def _graph(network: Network) -> str:
    """Every operation: its number, path, settings, operands and shapes."""
    lines = [f"# {network.name}, hash {network.hash}", f"-1: input {size(network.input)}"]
    for index, node in enumerate(network.nodes):
        settings = ", ".join(f"{name}={show(value)}" for name, value in node.operation.constants)
        operands = ", ".join(str(v.node) + (f".{v.output}" if v.output else "") for v in node.inputs)
        lines.append(f"{index}: {node.path} = {node.operation.name}({settings}) of {operands} -> {places(node.shapes)}")
    lines.append("outputs: " + ", ".join(f"{v.node}" for v in network.outputs))
    lines += [f"feature {f.name}: {f.value.node}, stride {show(f.stride)}" for f in network.features]
    return "".join(line + "\n" for line in lines)
