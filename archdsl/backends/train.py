"""The training entry point: `train_<name>.py`, a script that trains the emitted module `<name>.py` beside it.

The network itself, its hash and its weights are the module's; the script imports them. What is written into the text
here are numbers, and words about the network and the recipe, which are quoted: they may come from a stranger's file.
Of a recipe the script holds what the recipe uses.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.graph.network import Network
from archdsl.once import once
from archdsl.resources import read_data
from archdsl.training.recipe import DEFAULT, Duration, Recipe

TEMPLATES = "codegen/train"
LINE = 88
"""The longest line that ruff's formatter leaves as it is."""
SMALL = 32
"""Height and width of the digits, enlarged from 8 x 8, where the network does not declare a smaller input."""

RANDAUGMENT = (
    *("auto_contrast", "equalize", "invert", "rotate", "posterize", "solarize", "color", "contrast", "brightness"),
    *("sharpness", "shear_x", "shear_y", "translate_x", "translate_y", "cutout", "solarize_add"),
)
"""The operations of TensorFlow's code for EfficientNet (`distort_image_with_randaugment`)."""

AUTOAUGMENT = """
posterize_least_4 0.4 8 rotate 0.6 9
solarize 0.6 5 auto_contrast 0.6 5
equalize 0.8 8 equalize 0.6 3
posterize_least_4 0.6 7 posterize_least_4 0.6 6
equalize 0.4 7 solarize 0.2 4
equalize 0.4 4 rotate 0.8 8
solarize 0.6 3 equalize 0.6 7
posterize_least_4 0.8 5 equalize 1.0 2
rotate 0.2 3 solarize 0.6 8
equalize 0.6 8 posterize_least_4 0.4 6
rotate 0.8 8 color 0.4 0
rotate 0.4 9 equalize 0.6 2
equalize 0.0 7 equalize 0.8 8
invert 0.6 4 equalize 1.0 8
color 0.6 4 contrast 1.0 8
rotate 0.8 8 color 1.0 2
color 0.8 8 solarize 0.8 7
sharpness 0.4 7 invert 0.6 8
shear_x 0.6 5 equalize 1.0 9
color 0.4 0 equalize 0.6 3
equalize 0.4 7 solarize 0.2 4
solarize 0.6 5 auto_contrast 0.6 5
invert 0.6 4 equalize 1.0 8
color 0.6 4 contrast 1.0 8
equalize 0.8 8 equalize 0.6 3
"""
"""The 25 pairs found for ImageNet, arXiv:1805.09501, table 9."""


def emit(
    network: Network,
    about: About,
    interface: Interface,
    recipe: Recipe = DEFAULT,
    unused: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The script by its file name; nothing for a network without a classifier, which this script could not train.

    `unused` are paths of the recipe that this network leaves out, each with what it has not: the script says them.
    """
    if interface.num_classes is None:
        return {}
    left = [f"{path} ({reason})" for path, reason in (unused or {}).items()]
    context = _network(network, about, interface) | _recipe(recipe, interface) | {"unused": left}
    text = _environment().get_template("train.py.jinja").render(context)
    return {f"train_{about.name}.py": text}


@once
def _environment() -> Any:
    """The templates; they are compiled once."""
    import jinja2

    return jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: read_data(f"{TEMPLATES}/{name}")),
    )


# The network's part


def _network(network: Network, about: About, interface: Interface) -> dict[str, Any]:
    height, width = interface.image_size
    return {
        "name": about.name,
        "class_name": interface.class_name,
        "classes": interface.num_classes,
        "takes_classes": interface.takes_classes,
        "channels": interface.in_channels,
        "takes_channels": interface.takes_channels,
        "digits_size": repr(interface.image_size if min(height, width) < SMALL else (SMALL, SMALL)),
        "mean": _per_channel("MEAN", about.mean, interface.in_channels),
        "std": _per_channel("STD", about.std, interface.in_channels),
        "other_means": _other_means(about, interface.in_channels),
        "sizes_padding": interface.sizes_padding,
        "hash": network.hash[:16],
        "from_spec": _quoted(about.spec) if about.spec else "",
        "changes": _quoted(" ".join(about.changes)) if about.changes else "",
    }


def _quoted(text: str) -> str:
    """A text as part of a line of a docstring: no character of it can end the line or the docstring."""
    return "".join([c if c.isascii() and c.isprintable() and c not in '"\\' else _escaped(c) for c in text])


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _other_means(about: About, channels: int) -> int:
    """The channels of a model's mean or std, where those are not the image's; else 0."""
    return next((len(values) for values in (about.mean, about.std) if values and len(values) != channels), 0)


def _per_channel(name: str, values: Sequence[Fraction], channels: int) -> str:
    """The assignment of a tuple with a number a channel: those of the images, or one half."""
    if len(values) != channels:
        return f"{name} = (0.5,) * IN_CHANNELS"
    numbers = [repr(float(value)) for value in values]
    line = f"{name} = ({', '.join(numbers)}{',' if channels == 1 else ''})"
    if len(line) <= LINE:
        return line
    return "\n".join([f"{name} = (", *[f"    {number}," for number in numbers], ")"])


# The recipe's part


def _recipe(recipe: Recipe, interface: Interface) -> dict[str, Any]:
    uses = _uses(recipe, interface)
    operations = set(RANDAUGMENT) if "randaugment" in uses else set()
    if "autoaugment" in uses:
        operations |= {word for word in AUTOAUGMENT.split() if word[0].isalpha()}
    names = [name for name, used in (("AutoAugment", "autoaugment"), ("RandAugment", "randaugment")) if used in uses]
    staged = _stages(recipe, uses)
    return {
        "uses": uses,
        "any_of": lambda *names: bool(uses.intersection(names)),
        "all_of": lambda *names: uses.issuperset(names),
        "imports": _imports(uses),
        "about_recipe": _about(recipe, uses),
        "recipe": _quoted(recipe.name),
        "r": _numbers(recipe, interface),
        "optimizer": recipe.optimizer.kind,
        "nesterov": recipe.optimizer.nesterov,
        "undecayed": recipe.optimizer.undecayed,
        "undecayed_text": " and ".join(
            {"norms": "those of norms", "biases": "biases"}[part] for part in recipe.optimizer.undecayed
        ),
        "train_size": repr(_train_size(recipe) or interface.image_size),
        "test_size": repr(recipe.test_size or interface.image_size),
        "schedule": _schedule(recipe),
        "staged": staged,
        "staged_names": [name for name, _ in staged[0]] if staged else [],
        "operations": operations,
        "policies": " and ".join(names),
        "randaugment": RANDAUGMENT,
        "policy": _policy(),
        "option": _option,
    }


def _train_size(recipe: Recipe) -> tuple[int, int] | None:
    """The size of the last stage, if the recipe says one."""
    for name, values in recipe.staged:
        if name == "image_size":
            return int(values[-1]), int(values[-1])
    return recipe.train_size


def _uses(recipe: Recipe, interface: Interface) -> set[str]:
    """The names of the parts of the script that stand behind conditions."""
    changing = {name for name, _ in recipe.staged}
    used = {
        "warmup": recipe.schedule.warmup.amount > 0,
        "bce": recipe.loss == "bce",
        "label_smoothing": recipe.label_smoothing > 0,
        "dropout": recipe.dropout is not None,
        "drop_path": interface.drop_path_rate is not None,
        "crop_area": recipe.crop_area is not None,
        "crop_padding": recipe.crop_padding > 0,
        "flip": recipe.flip > 0,
        "brightness": recipe.brightness > 0,
        "contrast": recipe.contrast > 0,
        "saturation": recipe.saturation > 0,
        "hue": recipe.hue > 0,
        "lighting": recipe.lighting > 0,
        "autoaugment": recipe.autoaugment,
        "randaugment": recipe.randaugment is not None,
        "randaugment_std": recipe.randaugment_std > 0,
        "random_erasing": recipe.random_erasing > 0,
        "mixup": recipe.mixup > 0,
        "cutmix": recipe.cutmix > 0,
        "ema": recipe.ema is not None,
        "ema_ramp": recipe.ema is not None and recipe.ema_ramp,
        "ema_warmup": recipe.ema is not None and recipe.ema_warmup.amount > 0,
        "swa": recipe.swa is not None,
        "precise_bn": recipe.precise_bn is not None,
        "precision": recipe.precision != "float32",
        "clip_norm": recipe.clip_norm is not None,
    }
    of_stages = changing - {"image_size"} - ({"drop_path"} if interface.drop_path_rate is None else set())
    return {name for name, is_used in used.items() if is_used} | of_stages


def _numbers(recipe: Recipe, interface: Interface) -> dict[str, Any]:
    """The recipe's numbers as they stand in the script."""
    optimizer, schedule = recipe.optimizer, recipe.schedule
    area, ratio = recipe.crop_area or (Fraction(1), Fraction(1)), recipe.crop_ratio
    numbers: dict[str, Fraction | None] = {
        "peak": schedule.peak,
        "warmup": schedule.warmup.amount,
        "momentum": optimizer.momentum,
        "decay": optimizer.decay,
        "eps": optimizer.eps,
        "beta_1": optimizer.betas[0],
        "beta_2": optimizer.betas[1],
        "weight_decay": optimizer.weight_decay,
        "label_smoothing": recipe.label_smoothing,
        "clip_norm": recipe.clip_norm,
        "dropout": recipe.dropout,
        "test_crop": recipe.test_crop,
        "min_crop": area[0],
        "max_crop": area[1],
        "min_ratio": ratio[0],
        "max_ratio": ratio[1],
        "flip": recipe.flip,
        "brightness": recipe.brightness,
        "contrast": recipe.contrast,
        "saturation": recipe.saturation,
        "hue": recipe.hue,
        "lighting": recipe.lighting,
        "randaugment": recipe.randaugment,
        "randaugment_most": recipe.randaugment_most,
        "randaugment_std": recipe.randaugment_std,
        "random_erasing": recipe.random_erasing,
        "mixup": recipe.mixup,
        "cutmix": recipe.cutmix,
        "ema": recipe.ema,
        "ema_warmup": recipe.ema_warmup.amount,
        "swa": recipe.swa.amount if recipe.swa is not None else None,
        "drop_path": recipe.drop_path,
    }
    last = {name: values[-1] for name, values in recipe.staged}
    found: dict[str, Any] = {name: repr(float(last.get(name, value) or 0)) for name, value in numbers.items()}
    if recipe.drop_path is None and "drop_path" not in last and interface.drop_path_rate is not None:
        found["drop_path"] = repr(interface.drop_path_rate)
    return found | {
        "crop_padding": recipe.crop_padding,
        "epochs": recipe.epochs,
        "batch": recipe.batch,
        "rate_batch": recipe.rate_batch or recipe.batch,
        "accumulate": recipe.accumulate,
        "seed": recipe.seed,
        "ema_every": recipe.ema_every,
        "norm_images": recipe.precise_bn or SWA_IMAGES,
        "precision": recipe.precision,
        "randaugment_layers": recipe.randaugment_layers,
        "warmup_unit": schedule.warmup.unit,
        "ema_warmup_unit": recipe.ema_warmup.unit,
        "swa_unit": recipe.swa.unit if recipe.swa is not None else "",
        "ema_warmup_steps": _steps("run.settings.ema_warmup", recipe.ema_warmup, "run.order.steps"),
        "swa_steps": _steps("settings.swa", recipe.swa, "run.order.steps") if recipe.swa is not None else "",
    }


SWA_IMAGES = 8192
"""Over which the statistics of norms are computed for averaged weights, where the recipe does not say."""


def _steps(name: str, duration: Duration, per_epoch: str = "per_epoch") -> str:
    """The steps of a duration that is a setting, as an expression."""
    return f"{name} * {per_epoch}" if duration.unit == "epochs" else name


def _schedule(recipe: Recipe) -> Mapping[str, Any]:
    schedule = recipe.schedule
    start, end = float(schedule.start), float(schedule.end)
    every = schedule.every
    staircase = ""
    if every is not None:
        amount = every.amount
        unit = " * per_epoch" if every.unit == "epochs" else ""
        shift = f"step * {amount.denominator}" if amount.denominator != 1 else "step"
        whole = f"{amount.numerator}{unit}"
        staircase = f"{shift} // ({whole})" if unit else f"{shift} // {whole}"
    half = "(1 + math.cos(math.pi * done)) / 2"
    words = {
        "constant": "the same all the time",
        "cosine": "half a cosine" + (f" down to {end} of it" if end else ""),
        "exponential": f"falling {'in stairs ' if every else ''}by {_number(schedule.decay)}",
    }[schedule.kind]
    return {
        "kind": schedule.kind,
        "warm": schedule.warm,
        "per": schedule.per,
        "done": schedule.kind == "cosine" or (schedule.kind == "exponential" and every is None),
        "staircase": staircase,
        "decay": _number(schedule.decay),
        "warmup_steps": _steps("settings.warmup", schedule.warmup),
        "rise": "part" if not start else f"({start!r} + {_number(1 - schedule.start)} * part)",
        "cosine": half if not end else f"({end!r} + {_number(1 - schedule.end)} * {half})",
        "words": words,
    }


def _stages(recipe: Recipe, uses: set[str]) -> list[list[tuple[str, str]]]:
    """The settings of each stage, as they stand in the script."""
    if not recipe.staged:
        return []
    columns: list[tuple[str, list[str]]] = []
    for name, values in recipe.staged:
        if name == "image_size":
            columns.append((name, [str(int(value)) for value in values]))
        elif name in uses:
            field = "drop_path_rate" if name == "drop_path" else name
            columns.append((field, [_number(value) for value in values]))
    if not columns:
        return []
    return [[(name, values[stage]) for name, values in columns] for stage in range(recipe.stages)]


def _policy() -> list[list[list[str]]]:
    lines = [line.split() for line in AUTOAUGMENT.strip().splitlines()]
    return [[line[:3], line[3:]] for line in lines]


def _about(recipe: Recipe, uses: set[str]) -> list[str]:
    """Lines about the recipe, fit to stand within a docstring."""
    paragraphs = [" ".join(recipe.doc.split())]
    if recipe.transcribed is not None:
        paragraphs.append(f"Transcribed, not run here: {recipe.transcribed}.")
    if recipe.verified:
        paragraphs.append("Verified: " + ", ".join(f"{key} {value}" for key, value in recipe.verified) + ".")
    if recipe.source:
        paragraphs.append("Source: " + ", ".join(f"{key} {value}" for key, value in recipe.source) + ".")
    if (recipe.drop_path or 0) > 0 and "drop_path" not in uses:
        paragraphs.append("The recipe's stochastic depth is left out: the network drops no paths.")
    texts = [" ".join(_quoted(text).split()) for text in paragraphs]
    return [line for text in texts if text for line in textwrap.wrap(text, LINE - 4, break_long_words=False)]


def _number(value: Fraction) -> str:
    return repr(float(value))


# Python that fits into a line or not


def _option(name: str, kind: str, default: object, reader: str, text: str = "") -> str:
    """A setting, in one line if it fits, as ruff lays it out."""
    arguments = [str(default), reader, *([f'"{text}"'] if text else [])]
    line = f"    {name}: {kind} = option({', '.join(arguments)})"
    if len(line) <= LINE:
        return line
    return f"    {name}: {kind} = option(\n        {', '.join(arguments)}\n    )"


def _imported(module: str, names: Sequence[str]) -> str:
    """An import of names, in one line if it fits."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE:
        return line
    return "\n".join([f"from {module} import (", *[f"    {name}," for name in names], ")"])


def _imports(uses: set[str]) -> list[str]:
    """The lines of the imports; an empty one between the standard library's and the others."""
    averages = ["AveragedModel"] if uses & {"ema", "swa"} else []
    averages += ["get_ema_avg_fn", "get_ema_multi_avg_fn"] if "ema" in uses else []
    pictures = ["Image"] + (["ImageEnhance", "ImageOps"] if uses & {"autoaugment", "randaugment"} else [])
    norms = uses & {"swa", "precise_bn"}
    return [
        *[f"import {name}" for name in MODULES.split()],
        "from collections.abc import Callable, Iterable, Iterator",
        "from contextlib import AbstractContextManager, nullcontext, suppress",
        "from dataclasses import dataclass, field, fields, replace",
        "from functools import partial",
        "from importlib.util import find_spec",
        *(["from itertools import islice"] if norms else []),
        "from pathlib import Path, PurePath",
        "from typing import Any, NamedTuple",
        "",
        "import safetensors.torch",
        "import torch",
        "import torch.distributed as dist",
        _imported("PIL", pictures),
        "from torch import Tensor, nn",
        _imported("torch.distributed.checkpoint.state_dict", STATE_DICT),
        "from torch.distributed.fsdp import FSDPModule, fully_shard",
        "from torch.distributed.rendezvous import rendezvous",
        "from torch.nn import functional as F",
        "from torch.nn.parallel import DistributedDataParallel",
        *([_imported("torch.optim.swa_utils", averages)] if averages else []),
        "from torch.utils.data import DataLoader, Dataset, Sampler",
        "from tqdm import tqdm  # type: ignore[import, unused-ignore]",
    ]


MODULES = """
argparse copy csv difflib gzip hashlib io json math os pickle pickletools random re shutil signal sys tarfile time
warnings zipfile zlib
"""
"""Of the standard library, what every script imports whole."""
STATE_DICT = (
    *("StateDictOptions", "get_model_state_dict", "get_optimizer_state_dict", "set_model_state_dict"),
    "set_optimizer_state_dict",
)


__all__ = ["emit"]
