"""The inference form of a network as a module: folded, with its weights from the training form and a test of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from archdsl import __version__
from archdsl.backends import About
from archdsl.backends.torch import Form, model_class_name, planned, written
from archdsl.backends.torch.classes import classifier_of
from archdsl.backends.torch.model import feature_places
from archdsl.backends.torch.printer import lines
from archdsl.backends.torch.python import Assign, Dict, Index, Literal, Name, Tuple
from archdsl.backends.torch.templates import inference_test_text, weights_text
from archdsl.backends.torch.terms import literal
from archdsl.backends.torch.weight_map import by_pattern, table_of
from archdsl.graph.folding import Chain, Folded, Some, Sum, folded, paths_of
from archdsl.graph.network import Network, Node
from archdsl.graph.operations.convolutions import ConvTranspose, StdConv
from archdsl.graph.operations.norms import BatchNorm, LayerScale
from archdsl.records import dataclass

SUFFIX = "_inference"


@dataclass(frozen=True, slots=True)
class Places:
    """Where both forms and their test are: dotted names of modules that the test imports, and its file."""

    training: str
    inference: str
    test: str


def emit_inference(found: Folded, about: About, places: Places | None = None) -> dict[str, str]:
    """`name_inference.py`: the module of a network that was folded by `folded_for`; `test_name_inference.py`: that it
    gives what `name.py` gives. `about` is of the training form. Other places stand in both.
    """
    own = inference_about(about)
    places = places or Places(about.name, own.name, f"test_{own.name}.py")
    plan = planned(found.network, own)
    plan.for_inference = True
    text, read = _weights(found)
    form = Form(
        channels_last=True,
        notes=tuple(notes_of(found, about.name, places.test)),
        texts=(text,),
        read=read,
        training_hash=found.trained.hash,
    )
    test = inference_test_text(
        file=places.test,
        version=__version__,
        training=places.training,
        inference=places.inference,
        input=", ".join([str(int(extent)) for extent in found.trained.input]),
        training_class=model_class_name(about),
        inference_class=plan.name,
        maps=bool(feature_places(found.trained)),
    )
    module = written(found.network, own, plan, form)
    return {f"{places.inference.replace('.', '/')}.py": module.text, places.test: test}


def inference_class(about: About) -> str:
    """What the class of the inference form is called; `about` is of the training form."""
    return model_class_name(inference_about(about))


def folded_for(network: Network) -> Folded:
    """A network folded; its classifier stays one that can be replaced."""
    return folded(network, classifier_of(network))


def inference_about(about: About) -> About:
    """The words of the inference form. How parameters start is left to PyTorch: they are given."""
    name, changes = about.name + SUFFIX, (*about.changes, "--inference")
    return replace(about, name=name, changes=changes, init={}, drop_path_rate=None)


def notes_of(found: Folded, name: str, test: str) -> Iterator[str]:
    """What was done to a network, in sentences, and what was not and why; `test` is the file that compares both."""
    yield (
        f"The inference form of {name}, whose network is {found.trained.hash}: {found.summary()}. Both give the same; "
        f"{test} compares them, and `from_training` makes the weights."
    )
    kept = [f"{where}: {why}" for where, why in found.stays()]
    if kept:
        yield "These stay:"
        yield from kept


def _weights(found: Folded) -> tuple[str, frozenset[str]]:
    """The function `from_training` with what it reads, and the imported names among it."""
    trained = {node.path: node for node in found.trained.nodes if found.trained.tensors(node)}
    chains = list(found.layers.values())
    used = {path: trained[path] for chain in chains for path in paths_of(chain)}
    norms = {path: node.operation.eps for path, node in used.items() if isinstance(node.operation, BatchNorm)}
    transposed = {
        path: node.operation.groups for path, node in used.items() if isinstance(node.operation, ConvTranspose)
    }
    of_weights = {path: _standard(node) for path, node in used.items() if isinstance(node.operation, StdConv)}
    flat = [part for chain in chains for part in _parts(chain)]
    several = len(set(norms.values())) > 1
    tables: dict[str, Mapping[str, Any]] = {"EPS": norms if several else {}}
    tables |= {"STANDARDIZED": of_weights, "TRANSPOSED": transposed}
    sums = any(isinstance(part, Sum) for part in flat)
    text = weights_text(
        layers=_table("LAYERS", table_of(found.layers, list(trained))) if chains else "",
        tables="\n".join([_table(name, _values(by_pattern(table))) for name, table in tables.items() if table]),
        epsilon="of(EPS, name)" if several else repr(float(next(iter(norms.values()), 0))),
        ahead=any(_ahead(chain, trained) for chain in _chains(chains)),
        sums=sums,
        some=any(isinstance(part, Some) for part in flat),
        scales=any(isinstance(node.operation, LayerScale) for node in used.values()),
        standardized=bool(of_weights),
        transposed=bool(transposed),
    )
    if not chains:
        return text, frozenset(("Mapping",))
    return text, frozenset(("Any", "Mapping", "re", "torch", *(("F",) if sums else ())))


def _standard(node: Node) -> tuple[Any, Any]:
    """What the weights of a convolution are standardized with: gamma and epsilon."""
    settings = dict(node.operation.constants)
    return settings["gamma"], settings["eps"]


def _chains(chains: list[Chain]) -> Iterator[Chain]:
    """Chains, and those of the branches in them."""
    for chain in chains:
        yield chain
        for part in chain:
            if isinstance(part, Sum):
                yield from _chains(list(part.branches))


def _parts(chain: Chain) -> Iterator[str | Some | Sum]:
    for each in _chains([chain]):
        yield from each


def _ahead(chain: Chain, trained: Mapping[str, Node]) -> bool:
    """Whether a norm or scale stands before the layer of a chain."""
    kernels = [at for at, part in enumerate(chain) if isinstance(part, Sum) or _has_kernel(part, trained)]
    return bool(kernels) and kernels[0] > 0


def _has_kernel(part: str | Some, trained: Mapping[str, Node]) -> bool:
    return isinstance(part, str) and not isinstance(trained[part].operation, BatchNorm | LayerScale)


def _table(name: str, table: Dict) -> str:
    of_all = Index(Name("dict"), Tuple((Name("str"), Name("Any"))))
    return "\n".join(lines(Assign(Name(name), table, of_all)))


def _values(table: Mapping[str, Any]) -> Dict:
    return Dict(tuple([(Literal(name), literal(value)) for name, value in table.items()]), spread=True)


__all__ = ["SUFFIX", "Places", "emit_inference", "folded_for", "inference_about", "inference_class", "notes_of"]
