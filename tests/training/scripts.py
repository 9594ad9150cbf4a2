"""Small networks with the contract of emitted modules, entry points of recipes for them, and ways to run these.

Where what training needs is missing, importing this skips the module of tests that does it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import forked
import pytest

from archdsl.backends import About
from archdsl.backends.interface import Interface
from archdsl.backends.train import emit
from archdsl.graph.network import INPUT, Builder
from archdsl.training.recipe import Duration, Optimizer, Recipe, Schedule

for library in ("tqdm", "sklearn", "PIL", "safetensors"):
    pytest.importorskip(library, reason=f"training needs {library}")
torch: Any = pytest.importorskip("torch", reason="training needs torch")

HASH = "0123456789abcdef" * 4

STAND_IN = f'''"""Two convolutions, with the contract of an emitted module."""

from typing import Any

import torch
from torch import Tensor, nn

SPEC_HASH = "{HASH}"


class StandIn(nn.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        in_channels: int = 3,
        drop_path_rate: float = 0.0,
        image_size: tuple[int, int] = (224, 224),
    ) -> None:
        super().__init__()
        self.image_size = image_size
        self.drop_path_rate = drop_path_rate
        self.conv_1 = nn.Conv2d(in_channels, 8, 3, 2, 1, bias=NORM is None)
        self.norm_1 = NORM(8) if NORM else nn.Identity()
        self.conv_2 = nn.Conv2d(8, 16, 3, 2, 1, bias=NORM is None)
        self.norm_2 = NORM(16) if NORM else nn.Identity()
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(16, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm_1(self.conv_1(x)))
        x = torch.relu(self.norm_2(self.conv_2(x)))
        x = self.fc(self.dropout(x.mean((2, 3))))
        return x
'''


def sgd(weight_decay: str = "1e-4", *undecayed: str) -> Optimizer:
    return Optimizer("sgd", Fraction(weight_decay), undecayed, momentum=Fraction("0.9"), nesterov=True)


def epochs(amount: float) -> Duration:
    return Duration(Fraction(str(amount)), "epochs")


PLAIN = Recipe("plain", 2, 64, sgd(), Schedule("constant", Fraction("0.05")))

STAGED = Recipe(
    "staged",
    4,
    64,
    Optimizer("rmsprop", Fraction("1e-5"), ("norms", "biases"), momentum=Fraction("0.9"), eps=Fraction("0.001")),
    Schedule(
        "exponential",
        Fraction("0.01"),
        decay=Fraction("0.97"),
        every=epochs(2.4),
        warmup=epochs(1),
        warm="line",
        start=Fraction("0.1"),
    ),
    label_smoothing=Fraction("0.1"),
    dropout=Fraction("0.2"),
    drop_path=Fraction("0.2"),
    randaugment=Fraction(10),
    randaugment_most=Fraction(30),
    ema=Fraction("0.9"),
    ema_every=2,
    ema_warmup=epochs(1),
    clip_norm=Fraction(5),
    accumulate=2,
    stages=2,
    staged=(
        ("image_size", (Fraction(128), Fraction(224))),
        ("mixup", (Fraction(0), Fraction("0.2"))),
        ("cutmix", (Fraction(0), Fraction(1))),
        ("drop_path", (Fraction("0.1"), Fraction("0.2"))),
    ),
)
"""Progressive learning with much of what EfficientNetV2 uses."""


def interface(*, channels: int = 3) -> Interface:
    return Interface("StandIn", 1000, channels, 0.1, (224, 224), sizes_padding=True)


def script(recipe: Recipe, name: str = "stand_in", offered: Interface | None = None) -> str:
    offered = offered or interface()
    network = Builder((offered.in_channels, *offered.image_size)).finish(name, [INPUT])
    return emit(network, About(name), offered, recipe)[f"train_{name}.py"]


def write_pair(folder: Path, recipe: Recipe, name: str, norm: str = "nn.BatchNorm2d", channels: int = 3) -> None:
    """A module, and the entry point that trains it."""
    (folder / f"{name}.py").write_text(STAND_IN.replace("\n\n\nclass", f"\nNORM: Any = {norm}\n\n\nclass"))
    (folder / f"train_{name}.py").write_text(script(recipe, name, interface(channels=channels)), encoding="ascii")


@contextlib.contextmanager
def imported(
    folder: Path, recipe: Recipe, name: str, norm: str = "nn.BatchNorm2d", channels: int = 3
) -> Iterator[ModuleType]:
    """An entry point as a module."""
    write_pair(folder, recipe, name, norm, channels)
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(f"train_{name}")
    finally:
        sys.path.remove(str(folder))
        for loaded in (name, f"train_{name}"):
            sys.modules.pop(loaded, None)


Ended = tuple[int, str, str]
"""Exit status, output, errors."""


def run(train: ModuleType, *arguments: object) -> Ended:
    """Run an entry point in this process."""
    torch.set_num_threads(1)
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = [str(train.__file__), *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = train.main()
    finally:
        sys.argv = before
    return status, out.getvalue(), err.getvalue()


class Processes:
    """Forks of this process, each of which runs an entry point as torchrun starts it."""

    def __init__(
        self,
        train: ModuleType,
        size: int,
        folder: Path,
        *arguments: object,
        before: Callable[[int], None] | None = None,
    ) -> None:
        from torch.distributed import TCPStore

        forked.load()
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # as torchrun keeps one
        port = self.store.port
        context = multiprocessing.get_context("fork")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.running = [
            context.Process(target=self._run, args=(train, rank, size, port, arguments, before)) for rank in range(size)
        ]
        for process in self.running:
            process.start()

    def _run(self, train: ModuleType, rank: int, size: int, port: int, arguments: Any, before: Any) -> None:
        if size > 1:
            os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank)}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True"}
        if before is not None:
            before(rank)
        status, out, err = run(train, *arguments)
        (self.folder / f"{rank}.json").write_text(json.dumps([status, out, err]))
        os._exit(status)

    def kill(self, rank: int) -> None:
        self.running[rank].kill()

    def end(self) -> list[Ended]:
        """What each of them left; of a killed one its signal."""
        for process in self.running:
            process.join(1500)  # what hangs ends; no machine is so busy
            if process.exitcode is None:
                process.kill()
                raise AssertionError("a process does not end")
        found: list[Ended] = []
        for rank, process in enumerate(self.running):
            path = self.folder / f"{rank}.json"
            killed = process.exitcode == -signal.SIGKILL
            status, out, err = (process.exitcode, "", "") if killed else json.loads(path.read_text())
            found.append((status, out, err))
        return found


def newest(out: Path) -> Path:
    """The last checkpoint of a run."""
    return max(out.glob("checkpoint_*.pt"))


def checkpoint(out: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(newest(out), weights_only=True)
    return state


CLOCK = ("seconds", "step_seconds")


def metrics(out: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, without what a clock said."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in CLOCK} for line in lines]


def flat(value: Any) -> list[Any]:
    """Tensors and numbers of a nested state, in order, without what a clock said."""
    if isinstance(value, dict):
        return [leaf for name, part in value.items() if name not in CLOCK for leaf in (name, *flat(part))]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flat(part)]
    return [value.tolist() if hasattr(value, "tolist") else value]
