"""What a compiled model is written as: the targets by name, and the words that stand in the files."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction

from archdsl.analysis.model import Model
from archdsl.analysis.trace import show_value
from archdsl.analysis.trained import DROP_PATH
from archdsl.analysis.values import is_list
from archdsl.backends import About, Backend
from archdsl.backends import dot as dot_backend
from archdsl.backends import json as json_backend
from archdsl.backends import package as package_backend
from archdsl.backends import svg as svg_backend
from archdsl.backends import torch as torch_backend
from archdsl.backends import train as train_backend
from archdsl.backends.interface import Interface
from archdsl.backends.recipe_use import as_used, unused
from archdsl.backends.torch.inference import SUFFIX, emit_inference, folded_for
from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostic
from archdsl.files import escaped
from archdsl.graph.folding import Folded
from archdsl.graph.initializers import Initializer
from archdsl.graph.network import INPUT, Network
from archdsl.numbers import Irrational, Number, approximate, is_number
from archdsl.source import Span
from archdsl.training.recipe import DEFAULT, Recipe, undefined

TARGETS = {
    "torch": "a standalone PyTorch module",
    "train": "a training entry point for it",
    "json": "the resolved graph, with its costs",
    "dot": "stages and blocks for Graphviz",
    "svg": "stages and blocks as a picture",
}
"""Target -> what it is."""
PACKAGE = "package"
"""What the files of a folder that pip installs are."""
INFERENCE = "inference"
"""What is written beside the targets for `--inference`: two files, which belong to the module that `torch` is."""
WRITTEN = {
    **TARGETS,
    INFERENCE: "the module for inference, with its weights from the training form",
    f"{INFERENCE} test": "that both give the same",
    PACKAGE: "a part of the package",
}
"""What a file is -> in words."""
_LOADED = """
__main__ PIL absl anyio braceexpand certifi cloudpickle cuda datasets dateutil dill filelock fsspec functorch google h11
httpcore httpcore2 httpx httpx2 huggingface_hub idna jinja2 joblib markupsafe mpmath multiprocess narwhals networkx
nvidia numpy packaging pandas pkg_resources pyarrow requests safetensors scipy setuptools six sklearn sympy tensorboard
threadpoolctl torch torchgen tqdm triton truststore typing_extensions urllib3 webdataset xxhash yaml
"""
_TRIED = """
AppKit Bio Cython Foundation IPython Numeric PyInstaller PyQt4 PyQt5 PyQt6 PySide6 _multiprocess adbc_driver_manager
aesara aiohttp amdsmi android annotationlib antlr4 array_api_compat array_api_strict authlib autocommand autolevparser
backports boto3 botocore brotli brotlicffi bs4 catboost cbor cffi chardet charset_normalizer ck4inductor click
colorama compression coremltools cudf cupti cupy cupyx cutlass cutlass_api cutlass_cppgen cutlass_library cython dask
dask_expr defusedxml distributed dl docutils duckdb dummy_threading einops elasticsearch envwrap etcd exceptiongroup
faiss fastai fastapi fastparquet flash_attn flint fuse genshi gmpy gmpy2 google_benchmark gradio grpc h2 h5py halide
helion hf_xet httpx2_jsfetch hypothesis ibis importlib_resources inflect ipyniivue ipywidgets isal jaraco jax jaxlib
jnius joblibspark keras kerchunk lance lark libarchive lightgbm lmdb lxml lz4 lzmaffi markdown matchpy matplotlib mcp
ml_dtypes mlx modin monkeytype more_itertools moviepy mpl_toolkits msgpack mtia mypy ndonnx nibabel numarray numba
numexpr numpy_distutils numpydoc nvMatmulHeuristics nvmath objgraph odf olefile onnx onnx_ir onnxruntime onnxscript
openpyxl opt_einsum optree origami outcome paddle panel paramiko pdfplumber platformdirs polars pooch psutil pulp pwlf
py7zr pyamg pycosat pycute pydantic pydot pydy pygit2 pyglet pygments pygraphviz pyiceberg pyinstrument pylab pymc
pymc3 pynvml pyodide_js pysat pyspark pytest pytest_fail_slow pytest_run_parallel pytest_timeout python_calamine
pytorch_lightning pyxlsb pyzes qtpy rarfile redis regex requests_kerberos rfe rich rocm_sdk sage scikits scipy_doctest
setuptools_scm sksparse slack_sdk smbclient smbprotocol snappy sniffio socksio spacy sparse sphinx sqlalchemy sqlframe
sqlparse starlette symengine tables tabulate tensorboardX tensorboard_data_server tensorboard_plugin_profile
tensorboard_plugin_wit tensorflow tensorflow_io test theano tiktoken toml tomli torch_xla torcharrow torchaudio
torchcodec torchcomms torchdistx torchrec torchvision tornado traitlets transformers trimesh trio trove_classifiers
tsfile tvm tvm_ffi typeguard tzdata uarray ujson uvloop viztracer vortex werkzeug wheel win32api win32com winloop
wsproto xgboost xlrd xlsxwriter yarl z3 zipp zmq zstandard
"""
SHADOWED = frozenset((*_LOADED.split(), *_TRIED.split()))
"""Modules beside the standard library's that the training entry point loads, or that what it loads does or tries to:
mpmath, which PyTorch loads, takes a `gmpy2` where it finds one."""


BACKENDS: Mapping[str, Backend] = {
    "json": json_backend,
    "dot": dot_backend,
    "svg": svg_backend,
}
"""Target -> its backend; the module and its training entry point have one plan, and that needs a recipe too."""


class NoEmission(Exception):
    """Why a target cannot be had of a model. `target` is its name."""

    def __init__(self, target: str, message: str) -> None:
        super().__init__(message)
        self.target = target


class NameFault(ValueError):
    """A name that no file or module can have."""


def chosen_name(
    name: str | None,
    model: str,
    scalings: Sequence[str],
    budget: str | None = None,
    size: str | None = None,
    within: str | None = None,
) -> str:
    """The name of the files and the module: the one asked for, or the model's with what was asked of it.

    Raises `NameFault`.
    """
    chosen = default_name(model, scalings, budget, size, within) if name is None else name
    wrong = name_fault(chosen)
    if wrong is not None:
        raise NameFault(wrong)
    return chosen


def name_fault(name: str) -> str | None:
    """What is wrong with a name for files and modules; none if nothing is."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name) or keyword.iskeyword(name):
        return f"'{name}' is no name for a Python module"
    if name in sys.stdlib_module_names or name in SHADOWED:
        return f"a file {name}.py would hide the module of that name from what imports it"
    return None


def default_name(
    model: str,
    scalings: Sequence[str],
    budget: str | None = None,
    size: str | None = None,
    within: str | None = None,
) -> str:
    """The model's name, with what was asked of it: `NAME:4` at `256x192` -> `model_name4_256x192`."""
    share = f"within{within}" if within else None
    parts = [model, *scalings, *[text for text in (budget, share, size) if text]]
    words = [re.sub(r"[^a-z0-9_]+", "", part.lower().replace(".", "_")) if i else part for i, part in enumerate(parts)]
    return "_".join([word for word in words if word])[:100]


def about_of(compilation: Compiled, name: str, spec: str, changes: Sequence[str]) -> About:
    """The words of a compiled model."""
    model = compilation.model
    spec, *changes = [escaped(text) for text in (spec, *changes)]
    citation = {
        key: setting.value if isinstance(setting.value, str) else show_value(setting.value)
        for key, setting in model.provenance.items()
    }
    return About(
        name=name,
        spec=spec,
        changes=tuple(changes),
        doc=model.doc,
        citation=citation,
        mean=_numbers(model, "mean"),
        std=_numbers(model, "std"),
        init={key: s.value for key, s in model.init.items() if isinstance(s.value, Initializer)},
        drop_path_rate=_shared_rate(model),
    )


def _shared_rate(model: Model) -> Fraction | None:
    """The value of the family's parameter for stochastic depth, where it has one that is not 0."""
    setting = model.made.parameters.get(DROP_PATH) if model.made is not None else None
    return _rational(setting.value) if setting is not None and is_number(setting.value) and setting.value else None


def _numbers(model: Model, key: str) -> tuple[Fraction, ...]:
    setting = model.preprocess.get(key)
    values = setting.value if setting is not None and is_list(setting.value) else ()
    return tuple([_rational(value) for value in values if is_number(value)])


def _rational(number: Number) -> Fraction:
    """The number, or the double next to it where it is a root or a logarithm."""
    return Fraction(approximate(number)) if isinstance(number, Irrational) else Fraction(number)


def emit(
    network: Network,
    about: About,
    targets: Sequence[str],
    recipe: Recipe | None = None,
    folded: Folded | None = None,
) -> dict[str, tuple[str, str]]:
    """The files of the targets by name: (target, text). The training entry point is that of the recipe; a package holds
    the form for inference where both are asked for. A network that is given folded is that of `folded_for`.

    Raises `NoEmission`, and `NameFault` where no package can have the name.
    """
    found: dict[str, tuple[str, str]] = {}
    plan = torch_backend.planned(network, about) if {"torch", "train", PACKAGE} & set(targets) else None
    folded = (folded or folded_for(network)) if INFERENCE in targets else None
    if PACKAGE in targets:  # the form for inference stands within
        targets = [target for target in targets if target != INFERENCE]
    for target in targets:
        for name, text in _emit_one(network, about, target, recipe or DEFAULT, plan, folded).items():
            test = target == INFERENCE and name != f"{about.name}{SUFFIX}.py"
            found[name] = (f"{target} test" if test else target, text)
    return found


def texts_of(
    result: Compiled,
    name: str,
    file: str,
    words: Sequence[str],
    targets: Sequence[str],
    folded: Folded | None = None,
) -> dict[str, tuple[str, str]]:
    """The files of a compiled model under a name: (target, text) by file name. Raises `NoEmission` and `NameFault`.

    `file` and `words` stand in the files: where the model is, and what was changed in it, as options.
    """
    about = about_of(result, name, "standard input" if file == "-" else file, words)
    return emit(result.network, about, list(dict.fromkeys(targets)), result.recipe, folded)


def _packaged(network: Network, about: About, plan: torch_backend.Plan | None, folded: Folded | None) -> dict[str, str]:
    wrong = name_fault(about.name) or package_backend.name_fault(about.name, SHADOWED)
    if wrong is not None:
        raise NameFault(wrong)
    return package_backend.emit(network, about, plan, folded)


def _emit_one(
    network: Network,
    about: About,
    target: str,
    recipe: Recipe,
    plan: torch_backend.Plan | None,
    folded: Folded | None,
) -> dict[str, str]:
    if target == "torch":
        return torch_backend.emit(network, about, plan)
    if target == INFERENCE and folded is not None:
        return emit_inference(folded, about)
    if target == PACKAGE:
        return _packaged(network, about, plan, folded)
    if target == "train":
        offered = torch_backend.interface(network, about, plan)
        reason = untrained(network, offered)
        if reason is not None:
            raise NoEmission(target, reason)
        if odd := undefined(recipe, offered.in_channels):
            message = f"the recipe's `{odd[0]}` is not defined for images of {offered.in_channels} channels"
            raise NoEmission(target, message)
        return train_backend.emit(network, about, offered, as_used(recipe, network), unused(recipe, network))
    return BACKENDS[target].emit(network, about)


def untrained(network: Network, offered: Interface) -> str | None:
    """Why no training entry point can be had of a network; none if one can: it trains classes of whole images."""
    if len(network.outputs) != 1:
        return f"the network has {len(network.outputs)} outputs, and the entry point trains one"
    shape = [int(extent) for extent in network.shape(network.outputs[0])]
    if len(shape) > 1:
        extents = " x ".join(map(str, shape))
        if offered.num_classes is None:
            return f"the network has no classifier: it ends in a map of {extents}"
        return f"the network ends in a map of {extents}, and the entry point trains one list of classes an image"
    if offered.num_classes is None:
        return "the network has no classifier: no linear layer or convolution in its head decides the classes"
    last = _last_change(network)
    if last in SQUASHING:
        return f"the network ends in `{last}`, and the losses of recipes take the scores before it: leave it out"
    return None


SQUASHING = frozenset(("sigmoid", "hard_sigmoid", "tanh"))
"""What makes probabilities of scores, or bounds them: the losses begin with a sigmoid or softmax of their own."""
KEEPING = frozenset(("identity", "flatten", "reshape", "dropout"))
"""What leaves values as they are."""


def _last_change(network: Network) -> str | None:
    """The operation that made the values that come out."""
    value = network.outputs[0]
    while value != INPUT:
        node = network.nodes[value.node]
        if node.operation.name not in KEEPING:
            return node.operation.name
        value = node.inputs[0]
    return None


def not_used(compilation: Compiled) -> Diagnostic | None:
    """A warning of what the recipe asks for and the network has not; none if all is used."""
    recipe = compilation.recipe
    left = unused(recipe, compilation.network) if recipe is not None else {}
    if recipe is None or not left:
        return None
    listed = ", ".join([f"`{path}` ({reason})" for path, reason in left.items()])
    message = f"the recipe `{recipe.name}` asks for what `{compilation.name}` has not: {listed}"
    help_ = f"without it: `{recipe.name} with {{ {'  '.join([f'{path}: none' for path in left])} }}`"
    return Diagnostic("E701", message, _declared(compilation), help=help_, severity="warning")


def no_entry_point(compilation: Compiled, reason: str) -> Diagnostic:
    """A warning where both the module and its entry point were to be written."""
    message = f"`{compilation.name}` has no training entry point: {reason}"
    return Diagnostic(
        "E702", message, _declared(compilation), help="`--target torch` asks for the module alone", severity="warning"
    )


def _declared(compilation: Compiled) -> Span:
    entry = compilation.program.entry
    return entry.spans.get(compilation.name, Span(entry.source, 0, 0))


def interface(network: Network, about: About) -> Interface:
    """What the emitted module's class takes."""
    return torch_backend.interface(network, about)
