"""Speed of the emitted training loop, as a ratio to timm's training loop on the same images: see README.md.

Both loops run in this process, an epoch in turn: same batch, same kind of augmentation, optimizer, loss and schedule.
timm's is made of timm's own parts, in the order of its training script: loader with transforms, optimizer, scheduler,
loss. What is timed is a whole epoch without validation, and within it the time in which the loop waits for images.
"""

from __future__ import annotations

import argparse
import importlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modules import keep_memory, leave_out, say
from peers import load
from run import ROOT, Line, aligned, write_json

IMAGES = 512
SIDE = 160
CLASSES = 4
"""Of the files that are written for this."""
SMOOTHING = 0.1
"""Of labels, in archdsl's default recipe."""


@dataclass(frozen=True)
class Case:
    """What is trained, on which images."""

    spec: str
    recipe: str | None
    peer: str | None
    """The same network in timm; none: timm's loop trains the emitted module."""
    size: int
    batch: int


CASES = {
    "files": Case("regnetx_200mf", None, "regnetx_002", 128, 64),
    "files, small network": Case("regnet/small.arch", None, None, 64, 64),
    "memory": Case("regnet/small.arch", "digits", None, 28, 64),
}


@dataclass(frozen=True)
class Epoch:
    """Seconds, and those of them in which the loop waited for images."""

    seconds: float
    waited: float


Contestant = Callable[[], Epoch]


@dataclass(frozen=True)
class Throughput(Line):
    """A ratio of shortest times for one image, in ms, and what repetition says of its noise.

    `medians` is the ratio of the median times; `low` and `high` hold the middle half of the ratios of single rounds.
    `waits` and `peer_waits` are the median shares of an epoch in which the loop waited for images.
    """

    medians: float
    low: float
    high: float
    rounds: int
    waits: float
    peer_waits: float


class Timed:
    """Batches, and the time in which they were waited for."""

    def __init__(self, batches: Any, clock: Callable[[], float]) -> None:
        self.batches = batches
        self.clock = clock
        self.waited = 0.0

    def __iter__(self) -> Iterator[Any]:
        before = self.clock()
        batches = iter(self.batches)
        self.waited += self.clock() - before
        while True:
            before = self.clock()
            batch = next(batches, None)
            self.waited += self.clock() - before
            if batch is None:
                return
            yield batch


def write_images(folder: Path) -> None:
    """JPEG files of coarse patterns with noise, which are about as large as photographs of that size."""
    from PIL import Image, ImageChops

    rng = random.Random(0)
    for number in range(IMAGES + CLASSES):
        part = "train" if number < IMAGES else "val"
        path = folder / part / f"class_{number % CLASSES}" / f"{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.frombytes("RGB", (10, 10), rng.randbytes(300)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        noise = Image.effect_noise((SIDE, SIDE), 20).convert("RGB")
        ImageChops.add(coarse, noise, 1, -128).save(path, quality=90)


# The loops


def emitted(case: Case, folder: Path) -> Any:
    """The entry point as a module."""
    import archdsl

    known = ROOT / "specs" / case.spec
    net = archdsl.compile(known if known.is_file() else case.spec, recipe=case.recipe)
    for name, text in {**net.emit("torch"), **net.emit("train")}.items():
        (folder / name).write_text(text, encoding="utf-8")
        sys.modules.pop(Path(name).stem, None)  # of another recipe for the same network
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"train_{net.network.name}")
    finally:
        sys.path.remove(str(folder))


def our_loop(
    train: Any, case: Case, images: Path | None, arguments: argparse.Namespace, clock: Callable[[], float]
) -> tuple[Contestant, Any]:
    """The emitted loop, and its run."""
    import torch

    settings = train.Settings(
        data=None if images is None else str(images),
        batch_size=case.batch,
        lr_batch=case.batch,
        image_size=(case.size, case.size),
        epochs=arguments.rounds + 1,
        workers=0 if images is None else arguments.workers,
    )
    world = train.World()
    data = train.load(settings, world)
    settings = train.decide(settings, len(data.train_indices), data, world)
    run = train.begin(settings, world, torch.device("cpu"), data, {})
    run.batches = timed = Timed(run.batches, clock)

    def epoch() -> Epoch:
        timed.waited = 0.0
        before = clock()
        train.train_epoch(run)
        seconds = clock() - before
        run.epoch, run.step, run.losses = run.epoch + 1, 0, []
        return Epoch(seconds, timed.waited)

    return epoch, run


def timm_loop(case: Case, images: Path | None, run: Any, clock: Callable[[], float]) -> Contestant:
    """timm's loop, for the images and the settings of the other."""
    import torch

    timm = load("timm")
    for part in ("data", "loss", "optim", "scheduler", "utils"):
        importlib.import_module(f"timm.{part}")
    settings, source = run.settings, run.val_images.source
    classes, channels = len(run.classes), 3 if images is not None else 1
    same: dict[str, Any] = {"scale": (settings.min_crop, 1.0)} if images is not None else {"no_aug": True}
    loader = timm.data.create_loader(
        timm.data.ImageDataset(str(images / "train")) if images is not None else Kept(source, run),
        (channels, case.size, case.size),
        case.batch,
        is_training=True,
        hflip=getattr(settings, "flip", 0.0),
        color_jitter=None,
        interpolation="bilinear",
        mean=(0.5,) * channels,
        std=(0.5,) * channels,
        num_workers=settings.workers,
        device=torch.device("cpu"),
        persistent_workers=settings.workers > 0,
        **same,
    )
    if case.peer is not None:
        model = timm.create_model(case.peer, num_classes=classes)
    else:
        model = type(run.model)(num_classes=classes, in_channels=channels)
    optimizer = timm.optim.create_optimizer_v2(
        model, "sgd", lr=settings.peak, weight_decay=settings.weight_decay, momentum=settings.momentum
    )
    scheduler, _ = timm.scheduler.create_scheduler_v2(
        optimizer,
        "cosine",
        num_epochs=settings.epochs,
        warmup_epochs=1,
        step_on_epochs=False,
        updates_per_epoch=len(loader),
    )
    criterion = timm.loss.LabelSmoothingCrossEntropy(SMOOTHING)
    timed = Timed(loader, clock)
    updates = 0

    def epoch() -> Epoch:
        nonlocal updates
        timed.waited = 0.0
        before = clock()
        losses = timm.utils.AverageMeter()
        model.train()
        optimizer.zero_grad()
        for pictures, labels in timed:
            loss = criterion(model(pictures), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.update(loss.item(), len(labels))
            updates += 1
            scheduler.step_update(updates, metric=losses.avg)
        return Epoch(clock() - before, timed.waited)

    return epoch


class Kept:
    """The images in memory that the emitted loop trains on, as a data set for timm."""

    def __init__(self, source: Any, run: Any) -> None:
        indices = run.batches.batches.dataset.indices
        self.items = [(source.read(index), source.labels[index]) for index in indices]
        self.transform: Any = None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image, label = self.items[index]
        return self.transform(image), label


# The program


def compared(name: str, images: int, epochs: dict[str, list[Epoch]]) -> Throughput:
    (_, ours), (peer, theirs) = epochs.items()
    mine, others = ([1000 * epoch.seconds / images for epoch in each] for each in (ours, theirs))
    low, _, high = statistics.quantiles([b / a for a, b in zip(mine, others, strict=True)], n=4, method="inclusive")
    waits, peer_waits = (statistics.median(e.waited / e.seconds for e in each) for each in (ours, theirs))
    medians = statistics.median(others) / statistics.median(mine)
    numbers = (medians, low, high, len(ours), waits, peer_waits)
    return Throughput("training", name, min(mine), "ms", peer, min(others), *numbers)


def measured(arguments: argparse.Namespace) -> Iterator[Throughput]:
    try:
        load("timm")
    except ImportError as fault:
        leave_out("timm", fault)
        return
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "images"
        write_images(files)
        for number, name in enumerate(arguments.cases):
            case = CASES[name]
            folder = Path(place) / str(number)
            folder.mkdir()
            images = None if name == "memory" else files
            loops: dict[str, Contestant] = {}
            loops["archdsl"], run = our_loop(emitted(case, folder), case, images, arguments, clock)
            network = case.peer or "emitted module"
            loops[f"timm, {network}"] = timm_loop(case, images, run, clock)
            epochs: dict[str, list[Epoch]] = {each: [] for each in loops}
            for turn in range(arguments.rounds + 1):
                say(f"{name}: round {turn} of {arguments.rounds}")
                for each in random.Random(turn).sample(list(loops), len(loops)):
                    epoch = loops[each]()
                    if turn > 0:  # the first epoch starts processes and chooses kernels
                        epochs[each].append(epoch)
            yield compared(
                f"{name}: {run.model.__class__.__name__}, {case.size} x {case.size}, batch {case.batch}",
                run.order.steps * case.batch,
                epochs,
            )
    say("")


def table(lines: list[Throughput]) -> str:
    rows = [("", "archdsl", "waits", "peer", "", "waits", "ratio", "medians", "middle half", "rounds")]
    for line in lines:
        ours = (line.what, f"{1000 / line.value:,.0f} images/s", f"{line.waits:.1%}")
        theirs = (line.peer, f"{1000 / (line.peer_value or 1):,.0f} images/s", f"{line.peer_waits:.1%}")
        band = f"{line.low:.2f} to {line.high:.2f}"
        rows.append((*ours, *theirs, f"{line.ratio:.2f}", f"{line.medians:.2f}", band, f"{line.rounds}"))
    return aligned(rows, right=(1, 2, 4, 5, 6, 7, 9))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help="which")
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each loop")
    parser.add_argument("--workers", type=int, default=2, help="processes that read files, of each loop")
    parser.add_argument("--threads", type=int, help="PyTorch's own choice if not given")
    parser.add_argument("--cpu-time", action="store_true", help="of this process, which reads the files itself")
    parser.add_argument("--json", type=Path, help="write the measurements there, too")
    arguments = parser.parse_args()
    if arguments.cpu_time:
        arguments.workers = 0
    sys.path.insert(0, str(ROOT))
    import torch

    kept = keep_memory()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    lines = list(measured(arguments))
    print(table(lines))
    if arguments.json is not None:
        more = {"torch": torch.__version__, "threads": torch.get_num_threads(), "memory_kept": kept}
        write_json(arguments.json, lines, workers=arguments.workers, **more)


if __name__ == "__main__":
    main()
