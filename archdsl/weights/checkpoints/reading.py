"""The weights in a checkpoint: which entry of the file holds them, and by which names."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from archdsl.files import FileFault, reading
from archdsl.records import dataclass
from archdsl.weights import unwrapped
from archdsl.weights.checkpoints.archives import read_archive, read_pickles
from archdsl.weights.checkpoints.pickles import Inert
from archdsl.weights.checkpoints.records import Code, Damaged, Record
from archdsl.weights.checkpoints.tensorfiles import read_tensors

SUFFIX = ".safetensors"
CONTAINERS = ("state_dict", "model", "model_state", "model_state_dict")
"""The entries of training checkpoints that hold the weights."""
AVERAGED = ("state_dict_ema", "model_ema", "ema_state", "ema")
"""Those that hold averaged weights."""
MAX_CONTAINERS = 4
AVERAGES = "n_averaged"
"""The counter of PyTorch's AveragedModel, beside a model under `module.`."""
ARGUMENTS = ("args", "cfg", "hyper_parameters")
"""The entries that tell how a run was started."""
NO_TENSOR = "no tensor"
MAX_TOLD = 8


class WeightsFault(Exception):
    """What is wrong with a checkpoint or an output, in one sentence, and what would mend it."""

    def __init__(self, file: str, message: str, help: str | None = None, notes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.file = file
        self.message = message
        self.help = help
        self.notes = tuple(notes)


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file: name -> tensor, by names without what wrappers put before them."""

    path: str
    tensors: Mapping[str, Record]
    others: Mapping[str, str]
    """Entries that are no weights, and what they are."""
    ordered: bool
    """Whether the file keeps the order in which modules were registered."""
    arguments: Mapping[str, Any]
    """How the run was started, where the file tells: name -> value."""
    notes: tuple[str, ...]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}


def read_file(path: str, file: BinaryIO, size: int) -> Any:
    """What is in an open file, with tensors as `Record`s. Raises `WeightsFault`."""
    first = file.read(4)
    file.seek(0)
    form = "safetensors file" if path.endswith(SUFFIX) else "checkpoint"
    try:
        if path.endswith(SUFFIX):
            return read_tensors(file, size)
        if first == b"PK\x03\x04":
            return read_archive(file, size)
        if first[:1] == b"\x80":
            return read_pickles(file, size)
    except Code as code:
        message = f"it holds pickled code ({code}), which archdsl does not run"
        raise WeightsFault(path, message, "save the state dict alone: torch.save(model.state_dict(), …)") from None
    except Damaged as fault:
        raise WeightsFault(path, f"it is cut off, or no {form}: {fault}") from None
    raise WeightsFault(path, f"it is cut off, or no {form}")


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A regular file, open; a pipe or a device is not even opened. Raises `WeightsFault`."""
    try:
        with reading(Path(path)) as file:
            yield file
    except FileFault as fault:
        raise WeightsFault(path, fault.message) from None


def read_checkpoint(path: str, file: BinaryIO, averaged: bool = False, entry: str | None = None) -> Checkpoint:
    """The weights in an open file: those of `entry`, if it names one. Raises `WeightsFault`.

    The file stays open: the numbers are read from it when they are asked for.
    """
    content = read_file(path, file, os.fstat(file.fileno()).st_size)
    arguments = _arguments(content)
    weights, notes = _weights_in(path, content, averaged, entry)
    if any(not isinstance(name, str) for name in weights):
        raise WeightsFault(path, "its entries have no names")
    tensors = {name: value for name, value in weights.items() if isinstance(value, Record)}
    if not tensors:
        message = f"it holds no weights; its entries are {_told(weights) or 'none'}"
        raise WeightsFault(path, message, _elsewhere(weights))
    others = dict.fromkeys((name for name in weights if name not in tensors), NO_TENSOR)
    short, removed = unwrapped(tensors)
    if removed:
        notes.append(f"names stand without the `{removed}` before all of them")
    if "module." in removed and AVERAGES in tensors and len(tensors) > 1:
        others[AVERAGES] = "how many states were averaged"
        del tensors[AVERAGES]
    for name, record in tensors.items():
        if record.kind:
            raise WeightsFault(path, f"its {name} is a {record.kind} tensor, which has no plain numbers")
    named = {short[name]: tensor for name, tensor in tensors.items()}
    return Checkpoint(path, named, others, not path.endswith(SUFFIX), arguments, tuple(notes))


def _arguments(content: Any) -> dict[str, Any]:
    """What the file tells of how its run was started: plain values only."""
    held = content if isinstance(content, Mapping) else {}
    found: dict[str, Any] = {}
    for name in ARGUMENTS:
        value = held.get(name)
        values = value.state if isinstance(value, Inert) else value
        if isinstance(values, str):
            found[name] = values
        elif isinstance(values, Mapping):
            found.update({key: value for key, value in values.items() if isinstance(key, str)})
    return found


def _weights_in(path: str, content: Any, averaged: bool, entry: str | None) -> tuple[Mapping[Any, Any], list[str]]:
    """The entries of the state dict, out of the containers around it, and which these were."""
    notes: list[str] = []
    wanted: tuple[str, ...] = AVERAGED if averaged else CONTAINERS
    wanted = (entry,) if entry is not None else wanted
    asked = averaged or entry is not None
    for _ in range(MAX_CONTAINERS):
        if not isinstance(content, Mapping):
            kind = content.name if isinstance(content, Inert) else type(content).__name__
            raise WeightsFault(path, f"it holds a {kind}, and no state dict")
        name = next((name for name in wanted if isinstance(content.get(name), Mapping)), None)
        if name is None:
            break
        left = [str(other) for other in content if other != name and isinstance(other, (str, int, float))]
        notes.append(f"the weights are those of {name}" + (f"; the file also has {_told(left)}" if left else ""))
        if not asked:
            notes += [f"--ema takes {held} instead" for held in AVERAGED if isinstance(content.get(held), Mapping)][:1]
        content, wanted, asked = content[name], CONTAINERS, False
    if asked:
        what = "averaged weights" if entry is None else f"entry {entry} with weights"
        raise WeightsFault(path, f"it has no {what}; its entries are {_told(content)}")
    return content, notes


def _elsewhere(content: Mapping[Any, Any]) -> str | None:
    """How to take the weights of an entry whose name does not tell that it holds some."""
    held = [name for name, value in content.items() if isinstance(name, str) and _holds_weights(value)]
    averaged = next((name for name in AVERAGED if name in held), None)
    if averaged is not None:
        return f"--ema takes {averaged}"
    return "; ".join(f"--entry {shlex.quote(name)} takes {name}" for name in held[:MAX_TOLD]) or None


def _holds_weights(value: object) -> bool:
    """Whether this has tensors by names, or holds what has under a name that tells it."""
    return isinstance(value, Mapping) and any(
        isinstance(name, str)
        and (isinstance(inner, Record) or (name in CONTAINERS and isinstance(inner, Mapping) and inner is not value))
        for name, inner in value.items()
    )


def _told(names: Any) -> str:
    """Names in words, the first of many."""
    told = [str(name) if isinstance(name, (str, int, float)) else "one without a name" for name in names]
    return ", ".join(told[:MAX_TOLD]) + (f" and {len(told) - MAX_TOLD:,} more" if len(told) > MAX_TOLD else "")
