"""How networks are measured, and the job of one turn."""

from __future__ import annotations

from typing import Any

from archdsl.records import dataclass

WORKS = {
    "inference": "a pass for inference, norms by their running statistics",
    "training": "a training step: forward, backward from a fixed gradient, SGD with momentum at a rate of 0",
}
"""What is timed."""
DTYPES = ("float32", "bfloat16")
LAYOUTS = ("contiguous", "channels_last")
CLOCKS = ("wall", "cpu")
"""Time that passes, or the time that the process spends on all cores, which a busy machine disturbs less."""
MEMORY = {
    "cpu": "peak resident memory of a process of its own, over what it held with torch loaded and nothing built",
    "cuda": "peak of the memory that torch's allocator gave out",
}
"""How memory is measured, by the kind of device."""


@dataclass(frozen=True)
class How:
    """How all networks of a file are measured; what of it may differ between starts stands in `Effort`."""

    batch: int = 1
    device: str = "cpu"
    dtype: str = "float32"
    layout: str = "contiguous"
    compiled: bool = False
    threads: int | None = None
    """Of PyTorch's operations; none: its own choice."""
    clock: str = "wall"


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int = 3
    seconds: float = 1.0
    """Measured in each round, at least."""
    limit: float = 120.0
    """Seconds after which a turn is ended."""
    seed: int = 0
    """Of the order within rounds, of images and of weights."""


@dataclass(frozen=True)
class Job:
    """A turn: one network, one kind of work."""

    text: str
    """The emitted module."""
    class_name: str
    shape: tuple[int, ...]
    """Of one image: channels, height, width."""
    work: str

    def order(self, how: How, effort: Effort, path: str) -> dict[str, Any]:
        """What the process is told; the module's text lies at a path."""
        told: dict[str, Any] = {
            "path": path,
            "class_name": self.class_name,
            "shape": list(self.shape),
            "work": self.work,
        }
        told |= {"batch": how.batch, "device": how.device, "dtype": how.dtype, "layout": how.layout}
        return told | {
            "compiled": how.compiled,
            "threads": how.threads,
            "clock": how.clock,
            "seconds": effort.seconds,
            "seed": effort.seed,
        }


__all__ = ["CLOCKS", "DTYPES", "LAYOUTS", "MEMORY", "WORKS", "Effort", "How", "Job"]
