"""A training recipe with every setting decided: what a `recipe` becomes, and what a backend writes code of.

Rates and sizes are those of the recipe as published, for its own global batch; a run with another batch has its
learning rate scaled in proportion. Epochs count from 0 and may be fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from archdsl.records import dataclass

PRECISIONS = ("float32", "bfloat16", "float16")
LOSSES = ("cross_entropy", "bce")
UNDECAYED = ("norms", "biases")
"""What weight decay may leave out: scales and shifts of norms; biases of convolutions and linear layers."""
STAGED = ("image_size", "randaugment", "mixup", "cutmix", "dropout", "drop_path", "random_erasing")
"""What progressive learning may change from stage to stage."""
CHANNELS: Mapping[str, tuple[int, ...]] = {
    "autoaugment": (1, 3),
    "randaugment": (1, 3),
    "saturation": (3,),
    "hue": (3,),
}
"""What is defined for images of so many channels only."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A time in training."""

    amount: Fraction
    unit: Literal["epochs", "steps"]


@dataclass(frozen=True, slots=True)
class Optimizer:
    """How gradients become steps. `rmsprop` has TensorFlow's form: eps within the root, the first mean square 1, and
    the learning rate within the momentum."""

    kind: str
    weight_decay: Fraction = Fraction(0)
    undecayed: tuple[str, ...] = ()
    momentum: Fraction = Fraction(0)
    nesterov: bool = False
    decay: Fraction = Fraction(9, 10)
    """Of `rmsprop`'s mean of squares."""
    eps: Fraction = Fraction(1, 10**8)
    betas: tuple[Fraction, Fraction] = (Fraction(9, 10), Fraction(999, 1000))
    """Of `adamw`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate over the epochs t of T.

    With `warm` a line, a cosine goes over the steps behind the warm-up; else all count from the start.
    `constant`: the peak. `cosine`: half a cosine from the peak to `end` of it. `exponential`: peak decay^(t / T), or
    with `every`, peak decay^floor(t / every).
    """

    kind: str
    peak: Fraction
    end: Fraction = Fraction(0)
    decay: Fraction = Fraction(1)
    every: Duration | None = None
    warmup: Duration = Duration(Fraction(0), "epochs")
    start: Fraction = Fraction(0)
    """The share of the rate that the warm-up begins with."""
    warm: Literal["factor", "line"] = "factor"
    """Whether the warm-up multiplies the schedule, or is a line to the peak in its place."""
    per: Literal["step", "epoch"] = "step"
    """How often the rate changes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All of a recipe. None stands for "not used", or where it says so for the network's own."""

    name: str
    epochs: int
    batch: int
    """Images in a step, over all processes and accumulated parts."""
    optimizer: Optimizer
    schedule: Schedule
    doc: str = ""
    rate_batch: int | None = None
    """The batch that the rate is for; none: `batch`."""
    # Loss and regularization
    loss: Literal["cross_entropy", "bce"] = "cross_entropy"
    """`bce` is binary cross entropy, the mean over classes, each of which an image has or has not."""
    label_smoothing: Fraction = Fraction(0)
    """s makes targets t into (1 - s) t + s / classes."""
    dropout: Fraction | None = None
    """None: the network's own."""
    drop_path: Fraction | None = None
    """Of the last block; none: the network's own."""
    # Images
    train_size: tuple[int, int] | None = None
    """None: that of the last stage of progressive learning, or else the network's input."""
    test_size: tuple[int, int] | None = None
    """None: the network's input."""
    test_crop: Fraction = Fraction(7, 8)
    """The share of the resized image's side that is kept."""
    crop_area: tuple[Fraction, Fraction] | None = None
    crop_ratio: tuple[Fraction, Fraction] = (Fraction(3, 4), Fraction(4, 3))
    crop_padding: int = 0
    """Pixels beside the resized image, of which a part of the image's size is cropped."""
    flip: Fraction = Fraction(0)
    brightness: Fraction = Fraction(0)
    """As contrast and saturation, the most that the factor differs from 1."""
    contrast: Fraction = Fraction(0)
    saturation: Fraction = Fraction(0)
    hue: Fraction = Fraction(0)
    """The most that hues turn by, in parts of the circle."""
    lighting: Fraction = Fraction(0)
    """Standard deviation of the noise along the principal components of color."""
    autoaugment: bool = False
    randaugment: Fraction | None = None
    """The magnitude, of `randaugment_most`; it may pass that."""
    randaugment_most: Fraction = Fraction(10)
    randaugment_layers: int = 2
    randaugment_std: Fraction = Fraction(0)
    random_erasing: Fraction = Fraction(0)
    mixup: Fraction = Fraction(0)
    """Alpha of the beta distribution."""
    cutmix: Fraction = Fraction(0)
    # Averages
    ema: Fraction | None = None
    ema_every: int = 1
    """Steps between updates."""
    ema_ramp: bool = False
    """Whether the average forgets faster at the start: after n updates by (1 + n) / (10 + n), up to the decay."""
    ema_warmup: Duration = Duration(Fraction(0), "epochs")
    """A time in which the average is a copy of the weights."""
    swa: Duration | None = None
    """When averaging of the weights at the ends of epochs starts."""
    precise_bn: int | None = None
    """Images over which the statistics of batch norm are computed anew after an epoch."""
    # Running
    precision: str = "float32"
    clip_norm: Fraction | None = None
    accumulate: int = 1
    seed: int = 0
    # Progressive learning
    stages: int = 1
    staged: tuple[tuple[str, tuple[Fraction, ...]], ...] = ()
    """Name of `STAGED` -> its value in every stage."""
    # What is known of it
    transcribed: str | None = None
    """Where it was taken from, if nobody here reached its figure."""
    verified: tuple[tuple[str, str], ...] = ()
    """Data, figure and date of a run."""
    source: tuple[tuple[str, str], ...] = ()


def undefined(recipe: Recipe, channels: int) -> list[str]:
    """The fields that a recipe uses, and that are not defined for images of so many channels."""
    used = {name for name in CHANNELS if getattr(recipe, name)}
    if recipe.randaugment is not None or "randaugment" in dict(recipe.staged):
        used.add("randaugment")
    return [name for name, known in CHANNELS.items() if name in used and channels not in known]


DEFAULT = Recipe(
    name="default",
    epochs=20,
    batch=64,
    optimizer=Optimizer("sgd", Fraction(5, 10**4), ("norms", "biases"), momentum=Fraction(9, 10), nesterov=True),
    schedule=Schedule("cosine", Fraction(5, 100), warmup=Duration(Fraction(1), "epochs"), warm="line"),
    doc="A start for small data.",
    label_smoothing=Fraction(1, 10),
    crop_area=(Fraction(8, 100), Fraction(1)),
    flip=Fraction(1, 2),
)
"""What a training entry point does where no recipe is named."""


__all__ = [
    "CHANNELS",
    "DEFAULT",
    "LOSSES",
    "PRECISIONS",
    "STAGED",
    "UNDECAYED",
    "Duration",
    "Optimizer",
    "Recipe",
    "Schedule",
    "undefined",
]
