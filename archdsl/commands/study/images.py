"""A network with its images, as the emitted training entry point reads and prepares them for validation."""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from archdsl import api, emission
from archdsl.compiler import Compiled
from archdsl.emission import NoEmission
from archdsl.weights.conversion import Choices, convert

NAME = "archdsl_studied"
"""Of the emitted modules, which nothing else is called."""


@contextlib.contextmanager
def emitted(result: Compiled) -> Iterator[Any]:
    """The training entry point as a Python module, in a folder that is gone at the end."""
    try:
        files = emission.texts_of(result, NAME, "", (), ["torch", "train"])
    except (NoEmission, ValueError) as fault:
        raise click.ClickException(str(fault)) from None
    with tempfile.TemporaryDirectory(prefix="archdsl-") as folder:
        for name, (_, text) in files.items():
            with (Path(folder) / name).open("w", encoding="utf-8") as file:
                file.write(text)
        sys.path.insert(0, folder)
        try:
            yield importlib.import_module(f"train_{NAME}")
        except ImportError as fault:
            message = f"images need {fault.name}, which is not installed: pip install 'archdsl[train]'"
            raise click.ClickException(message) from None
        finally:
            sys.path.remove(folder)
            for name in (NAME, f"train_{NAME}"):
                sys.modules.pop(name, None)


def images_of(script: Any, data: str | None, number: int, seed: int, batch: int, scratch: str) -> tuple[list[Any], str]:
    """Batches of images that are drawn from those to validate on, and a word on where they are from.

    Ends the command for data that cannot be read.
    """
    with contextlib.redirect_stdout(sys.stderr):
        try:
            world = script.World()
            settings = script.Settings(data=data, out=scratch, workers=0, batch_size=2)
            found = script.load(settings, world)
            settings = script.decide(settings, len(found.train_indices), found, world)
            indices = sorted(random.Random(seed).sample(found.val_indices, min(number, len(found.val_indices))))
            images = script.Images(found.val, indices, settings, train=False)
            pictures = [images[0, place][0] for place in range(len(indices))]
        except script.Fault as fault:
            raise click.ClickException(str(fault)) from None
        except ImportError as fault:
            message = f"images need {fault.name}, which is not installed: pip install 'archdsl[train]'"
            raise click.ClickException(message) from None
        except (OSError, ValueError) as fault:
            raise click.ClickException(f"{data or 'digits'}: {fault}") from None
    height, width = pictures[0].shape[-2:]
    return _stacked(pictures, batch), f"{data or 'the digits of scikit-learn'}, at {height} x {width}"


def _stacked(pictures: Sequence[Any], batch: int) -> list[Any]:
    import torch

    return [torch.stack(list(pictures[first : first + batch])) for first in range(0, len(pictures), batch)]


def module_of(result: Compiled, weights: str | None, seed: int) -> tuple[Any, list[str]]:
    """The emitted module without its classifier, in the mode that tests, and what of the weights stays as it starts.

    Raises `WeightsFault`.
    """
    import torch

    about = emission.about_of(result, NAME, "", ())
    offered = emission.interface(result.network, about)
    headless = {"num_classes": 0} if offered.takes_classes and offered.num_classes is not None else {}
    torch.manual_seed(seed)
    module = api.Compiled(result, about).module(**headless).eval()
    if weights is None:
        return module, []
    made = convert(result.network, weights, Choices(classifier_rule="new"))
    own = module.state_dict()
    taken = {name: tensor for name, tensor in made.state.items() if name in own}
    module.load_state_dict(taken, strict=False)
    return module, [name for name in own if name not in taken and not name.endswith("num_batches_tracked")]


__all__ = ["emitted", "images_of", "module_of"]
