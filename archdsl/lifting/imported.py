"""The whole way of an import: read, compared with what ships, written, proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archdsl.compiler import Compiled, Compiler
from archdsl.graph.folding import folded
from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.lifting.alike import computes, told_as
from archdsl.lifting.lifted import Lifted
from archdsl.lifting.pairs import TRAINED
from archdsl.lifting.proof import TOLERANCE, Compared, Proof, compare, params_of, perturbed, weights_of
from archdsl.lifting.recognition import Recognition
from archdsl.lifting.starts import starts_of
from archdsl.lifting.written import Written, written
from archdsl.records import dataclass
from archdsl.visible import visible as printable


@dataclass(frozen=True)
class Program:
    """What is imported, and how it is run."""

    shown: str
    """As the user named it."""
    name: str
    """A name for the model."""
    state: Mapping[str, Any]
    """Its tensors, by name."""
    learned: frozenset[str]
    """Which of them are learned."""
    read: Callable[[Mapping[str, Any] | None, bool], Lifted]
    """What it is as a network: with numbers in the place of its own, and whether a part of it will do."""
    run: Callable[[Mapping[str, Any]], Callable[[Any], Any]]
    """With numbers of its own: what makes outputs of images in double precision."""
    images: int | None = None
    """How many images it takes at once; any number where there is none."""
    tolerance: float = TOLERANCE
    """What outputs may differ by, of the largest."""
    folds: bool = False
    """Whether what made it may have folded norms into the layers before them."""
    settings: frozenset[str] = frozenset()
    """Tensors that settings are read from: a proof leaves them as they are."""


@dataclass(frozen=True)
class Shipped:
    """A network that ships: its name, and digests of what it computes."""

    name: str
    params: int
    alike: str
    """Without how parameters start."""
    still: str
    """Without what acts in training alone, too."""
    make: Callable[[], Network]


@dataclass(frozen=True)
class Imported:
    """What came of an import."""

    lifted: Lifted
    written: Written | None
    proof: Proof | None
    same: str
    """The network that ships and has the same hash; empty where none has."""
    similar: tuple[str, ...]
    """Networks that differ from it in dropout and stochastic depth alone."""
    notes: tuple[str, ...]


def import_program(
    program: Program,
    compiler: Compiler,
    shipped: Callable[[int], Sequence[Shipped]],
    module: Callable[[Compiled], Any],
    sizes: Sequence[Sequence[tuple[int, int, int]]],
    partly: bool = False,
    plain: bool = False,
    shipped_folded: Callable[[str], Sequence[str]] = lambda _: (),
) -> Imported:
    """Import a program: its text, and the proof of it. `module` makes the emitted module, and `shipped_folded` gives
    the names of networks that compute, with their norms folded, what has a digest; the others as `text_of`."""
    found = text_of(program, compiler, shipped, partly, plain)
    if program.folds and found.written is not None and not found.lifted.gaps and not found.same:
        found = replace(found, notes=(*found.notes, *_folded(found.lifted.network, shipped_folded)))
    if found.lifted.gaps or found.written is None:
        return found
    return replace(found, proof=prove(program, found.lifted, found.written.compiled, module, sizes))


def text_of(
    program: Program,
    compiler: Compiler,
    shipped: Callable[[int], Sequence[Shipped]],
    partly: bool = False,
    plain: bool = False,
) -> Imported:
    """A program as a text that compiles to it, not yet proved. `shipped` gives the networks with so many parameters;
    `partly`: what cannot be lifted ends the text, and does not keep it from being written; `plain`: all blocks are the
    text's own, none the library's."""
    lifted = program.read(None, partly)
    whole = not lifted.gaps and bool(lifted.network.outputs)
    if not whole and not (partly and lifted.network.outputs and lifted.network.nodes):
        return Imported(lifted, None, None, "", (), lifted.notes)
    candidates = shipped(params_of(lifted.network)) if whole else ()
    lifted, same, similar, notes = as_shipped(lifted, candidates)
    library, starts = None if plain else Recognition(compiler), starts_of(lifted)
    text = written(lifted, compiler, program.name, _comment(program, lifted, same), library, starts.lines)
    return Imported(lifted, text, None, same, similar, (*notes, *starts.notes))


def _comment(program: Program, lifted: Lifted, same: str = "") -> str:
    """What stands above the model."""
    lines = [f"Imported from {program.shown}" + (f": the network of {same}." if same else ".")]
    if lifted.gaps:
        lines.append("NOT WHOLE: it ends before what could not be lifted:")
        lines += [f"  {gap.operation} in {gap.path or 'the network'}: {gap.reason}" for gap in lifted.gaps[:20]]
    return "\n".join([printable(line) for line in lines])


def as_shipped(lifted: Lifted, candidates: Sequence[Shipped]) -> tuple[Lifted, str, tuple[str, ...], tuple[str, ...]]:
    """What was lifted with the starts of the network that ships, where that computes the same; its name, the names of
    those that differ in training alone, and notes."""
    notes = list(lifted.notes)
    alike = computes(lifted.network)
    found = next((one for one in candidates if one.alike == alike), None)
    if found is None:
        still = computes(lifted.network, TRAINED)
        near = tuple([one.name for one in candidates if one.still == still])
        return lifted, "", near, tuple(notes)
    other = found.make()
    if other.features:
        notes.append(f"{found.name} computes the same; it gives features out, too, which a forward does not show")
        return lifted, "", (), tuple(notes)
    told = told_as(lifted, other)
    if told is None:
        return lifted, "", (), tuple(notes)
    lifted, changed = told
    if changed:
        notes.append(f"{changed} operations are told as {found.name} tells them: how tensors start, and the like")
    return lifted, found.name, (), tuple(notes)


def _folded(network: Network, shipped: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Why the hash is none of a network that ships, where norms may have been folded."""
    used = {node.operation.name for node in network.nodes}
    biased = [
        node for node in network.nodes if node.operation.name == "conv" and getattr(node.operation, "bias", False)
    ]
    if not biased or used & {"batch_norm", "layer_norm", "group_norm"}:
        return ()
    names = shipped(computes(folded(network).network))
    if not names:
        return ("it has no norms, and convolutions with a bias: norms that an exporter folded are not in a file",)
    told = f"it computes what {' and '.join(names)} computes with its norms folded into the layers beside them"
    return (f"{told}, as exporters fold them: parameters and hash are those of the folded network",)


def prove(
    program: Program,
    lifted: Lifted,
    compiled: Compiled,
    module: Callable[[Compiled], Any],
    sizes: Sequence[Sequence[tuple[int, int, int]]],
) -> Proof:
    """The written text, compiled, beside its source: parameters, weights, outputs at sizes with random numbers."""
    unused = set(lifted.unused)
    theirs = sum(t.numel() for name, t in program.state.items() if name in program.learned and name not in unused)
    structure = compiled.network.hash == lifted.network.hash
    params = params_of(compiled.network)
    numbers = perturbed({name: tensor for name, tensor in program.state.items() if name not in program.settings})
    numbers |= {name: program.state[name] for name in program.settings}
    again = told_as(program.read(numbers, False), lifted.network)
    weights = weights_of(again[0], compiled.network) if structure and again is not None else None
    compared: list[Compared] = []
    if weights is not None:
        compared = _compared(program, compiled, weights, module, sizes, numbers)
    proof = Proof(structure, params, theirs, len(weights or ()), compared, "")
    return replace(proof, fault=_fault(proof, _shared(lifted, program.learned)))


def _compared(
    program: Program,
    compiled: Compiled,
    weights: Mapping[str, Any],
    module: Callable[[Compiled], Any],
    sizes: Sequence[Sequence[tuple[int, int, int]]],
    numbers: Mapping[str, Any],
) -> list[Compared]:
    made = module(compiled).double().eval()
    own = made.state_dict()
    laid = {k: t.reshape(own[k].shape) if k in own and own[k].numel() == t.numel() else t for k, t in weights.items()}
    lost = [name for name in own if name not in laid and not name.endswith("num_batches_tracked")]
    if lost or any(name not in own or own[name].shape != tensor.shape for name, tensor in laid.items()):
        return []  # the proof says so
    made.load_state_dict(laid, strict=False)
    source = program.run(numbers)
    found: list[Compared] = []
    for at, choices in enumerate(sizes):
        tried: list[Compared] = []
        for size in choices:
            tried.append(compare(source, made, size, program.images or (2 if at == 0 else 1), program.tolerance))
            if not tried[-1].refused:
                break
        if any(one.input == tried[-1].input for one in found):
            continue  # a source for one size
        found.append(tried[-1])
    return found


def _shared(lifted: Lifted, learned: Collection[str]) -> str:
    """The first learned tensor that several operations read; empty where there is none."""
    read = Counter([name for origin in lifted.origins for name in origin.sources])
    return next((name for name, times in read.items() if times > 1 and name in learned), "")


def _fault(proof: Proof, shared: str) -> str:
    """What does not hold, in words. `shared`: a tensor that several operations read."""
    if not proof.structure:
        return "the compiled text is another network than what was lifted"
    if proof.params != proof.source_params:
        told = f"the text has {proof.params:,} parameters, and the source {proof.source_params:,}"
        return f"{told}: several operations read its {shared}, and each of ours has its own" if shared else told
    ran = [one for one in proof.compared if not one.refused or one.max_difference]
    if not ran:
        why = proof.compared[0].refused if proof.compared else "its weights have no place in the compiled module"
        return f"nothing could be compared: {why}"
    wrong = next((one for one in ran if not one.equal), None)
    if wrong is None:
        return ""
    size = show_shape(tuple(wrong.input))
    if wrong.refused:
        return f"for images of {size} {wrong.refused}"
    return f"for images of {size} outputs differ by {wrong.max_difference:.3g}; the largest is {wrong.largest:.4g}"
