"""The fields of a recipe: what each may be, and what it becomes.

One table says it for the compiler and for the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from archdsl import numbers
from archdsl.analysis.fields import SOURCE, Check, one_of, unknown_field
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Value, kind_of
from archdsl.diagnostics import Diagnostic
from archdsl.graph.shapes import EXTENT_MAX, Range, Size
from archdsl.syntax import ast
from archdsl.training import recipe as plain
from archdsl.training.recipe import Duration

Convert = Callable[[Any], Any]
"""From a value that passed its check to that of the `Recipe`."""


SMALLEST = Fraction(1, 10**30)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may be: a check, what it becomes, and words for the documentation."""

    words: str
    check: Check
    convert: Convert = lambda value: value


def _number(
    low: int, high: int | Fraction | None = None, *, open_low: bool = False, open_high: bool = False, note: str = ""
) -> Kind:
    def check(value: Value) -> str | None:
        if not numbers.is_number(value) or isinstance(value, bool):
            return f"is a number, not {kind_of(value)}"
        if not isinstance(value, int | Fraction):
            return f"must be a rational number, not {show_value(value)}"
        number = Fraction(value)
        if number and not SMALLEST <= abs(number) <= 1 / SMALLEST:
            return f"must be 0 or between 1e-30 and 1e30, not {show_value(value)}"
        as_written = (number, Fraction(float(number)))  # a double in what is emitted
        below = any(v <= low if open_low else v < low for v in as_written)
        above = high is not None and any(v >= high if open_high else v > high for v in as_written)
        return f"must be {words}, not {show_value(value)}" if below or above else None

    words = f"greater than {low}" if open_low else f"at least {low}"
    if high is not None:
        words += f" and {'less than' if open_high else 'at most'} {high}"
    return Kind(note or f"a number, {words}", check, Fraction)


def _whole(low: int, high: int = EXTENT_MAX) -> Kind:
    def check(value: Value) -> str | None:
        if not numbers.is_number(value) or isinstance(value, bool):
            return f"is a whole number, not {kind_of(value)}"
        if not isinstance(value, int):
            return f"must be a whole number, not {show_value(value)}"
        return None if low <= value <= high else f"must be from {low:,} to {high:,}, not {show_value(value)}"

    return Kind(f"a whole number, at least {low}", check, int)


def _choice(*words: str) -> Kind:
    return Kind(" or ".join([f'`"{word}"`' for word in words]), one_of(words), str)


def _condition(value: Value) -> str | None:
    return None if isinstance(value, bool) else f"is true or false, not {kind_of(value)}"


def _words_of(*known: str) -> Kind:
    each = one_of(known)

    def check(value: Value) -> str | None:
        if not isinstance(value, tuple) or isinstance(value, Size):
            return f"is a list of strings, not {kind_of(value)}"
        return next((wrong for item in value if (wrong := each(item))), None)

    quoted = [f'`"{word}"`' for word in known]
    return Kind(f"a list of {', '.join(quoted)}", check, tuple)


def _range(low: int, high: int | None) -> Kind:
    end = _number(low, high, open_low=True)

    def check(value: Value) -> str | None:
        if not isinstance(value, Range):
            return f"is a range such as 0.08 .. 1, not {kind_of(value)}"
        wrong = end.check(value.lo) or end.check(value.hi)
        if wrong is None and value.lo > value.hi:
            wrong = f"must rise, not {show_value(value)}"
        return wrong

    return Kind(f"a range, {end.words.removeprefix('a number, ')}", check, lambda v: (Fraction(v.lo), Fraction(v.hi)))


def _size(value: Value) -> str | None:
    extents = value if isinstance(value, Size) else (value, value)
    if len(extents) != 2:
        return f"is a height x width, not {show_value(value)}"
    return next((wrong for extent in extents if (wrong := _whole(1).check(extent))), None)


def _time(value: Value) -> str | None:
    return None if isinstance(value, Duration) else f"is a time such as 5 epochs or 100 steps, not {kind_of(value)}"


def _steps(value: Value) -> str | None:
    whole = isinstance(value, Duration) and value.unit == "steps" and value.amount.denominator == 1 <= value.amount
    return None if whole else f"is a time in whole steps, such as 32 steps, not {show_value(value)}"


SHARE = _number(0, 1)
PART = _number(0, 1, open_high=True)
HALF = _number(0, Fraction(1, 2))
AMOUNT = _number(0)
POSITIVE = _number(0, open_low=True)
TRUE = Kind("`true` or `false`", _condition, bool)
TEXT = Kind("a string", lambda v: None if isinstance(v, str) else f"is a string, not {kind_of(v)}", str)
TIME = Kind("a time: `5 epochs`, `100 steps`", _time)
SIZE = Kind("a size: `224`, `256 x 192`", _size, lambda v: tuple(v) if isinstance(v, Size) else (v, v))

DECAYING = {"weight_decay": AMOUNT, "undecayed": _words_of(*plain.UNDECAYED)}
HEATING = {
    "warmup": TIME,
    "start": SHARE,
    "warm": _choice("factor", "line"),
    "per": _choice("step", "epoch"),
}
FORMS: Mapping[str, Mapping[str, Mapping[str, Kind]]] = {
    "optimizer": {
        "sgd": {"momentum": PART, "nesterov": TRUE, **DECAYING},
        "rmsprop": {"decay": PART, "momentum": PART, "eps": POSITIVE, **DECAYING},
        "adamw": {"beta_1": PART, "beta_2": PART, "eps": POSITIVE, **DECAYING},
    },
    "schedule": {
        "constant": {"peak": POSITIVE, **HEATING},
        "cosine": {"peak": POSITIVE, "end": SHARE, **HEATING},
        "exponential": {"peak": POSITIVE, "decay": _number(0, 1, open_low=True), "every": TIME, **HEATING},
    },
}
"""The forms of the fields that have some, with their settings."""
NEEDED = {"optimizer": (), "schedule": ("peak",)}
STAGED: Mapping[str, Kind] = {
    "image_size": _whole(1),
    "randaugment": AMOUNT,
    "mixup": AMOUNT,
    "cutmix": AMOUNT,
    "dropout": PART,
    "drop_path": PART,
    "random_erasing": SHARE,
}
FIELDS: Mapping[str, Kind] = {
    "epochs": _whole(1, 1_000_000),
    "batch": _whole(1),
    "rate_batch": _whole(1),
    "loss": _choice(*plain.LOSSES),
    "label_smoothing": PART,
    "dropout": PART,
    "drop_path": PART,
    "train_size": SIZE,
    "test_size": SIZE,
    "test_crop": _number(0, 1, open_low=True),
    "crop_area": _range(0, 1),
    "crop_ratio": _range(0, None),
    "crop_padding": _whole(0),
    "flip": SHARE,
    "brightness": AMOUNT,
    "contrast": AMOUNT,
    "saturation": AMOUNT,
    "hue": HALF,
    "lighting": AMOUNT,
    "autoaugment": TRUE,
    "randaugment": AMOUNT,
    "randaugment_most": POSITIVE,
    "randaugment_layers": _whole(1, 100),
    "randaugment_std": AMOUNT,
    "random_erasing": SHARE,
    "mixup": AMOUNT,
    "cutmix": AMOUNT,
    "ema": PART,
    "ema_every": Kind("a time in steps: `32 steps`", _steps, lambda v: int(v.amount)),
    "ema_ramp": TRUE,
    "ema_warmup": TIME,
    "swa": TIME,
    "precise_bn": _whole(1),
    "precision": _choice(*plain.PRECISIONS),
    "clip_norm": POSITIVE,
    "accumulate": _whole(1, 1_000_000),
    "seed": _whole(0, 2**63 - 1),
    "transcribed": TEXT,
}
"""The plain fields of a recipe. Their names are those of `Recipe`."""
PARTS = {
    "randaugment": ("randaugment_layers", "randaugment_std", "randaugment_most"),
    "ema": ("ema_every", "ema_ramp", "ema_warmup"),
}
"""Fields that say something of another, and mean nothing without it."""
VERIFIED = ("data", "accuracy", "date")
"""What `verified` says at least."""
INSIDE: Mapping[str, Mapping[str, Kind]] = {
    "progressive": {
        "stages": _whole(1, 1000),
        **{name: Kind(kind.words, lambda _: None) for name, kind in STAGED.items()},
    },
    "verified": dict.fromkeys((*VERIFIED, "command", "note"), TEXT),
    "source": {name: Kind("a string or a number", check, show_value) for name, check in SOURCE.items()},
}
"""The fields of the sections. Those of `progressive` are checked when its stages are known."""
SECTIONS = tuple(INSIDE)
ALL = (*FORMS, *FIELDS, *SECTIONS)
REQUIRED = {
    "epochs": "epochs: 100",
    "batch": "batch: 1024",
    "optimizer": "optimizer: sgd(momentum: 0.9)",
    "schedule": "schedule: cosine(peak: 0.1)",
}
"""What every recipe says, with an example."""


def unknown(path: ast.Path, *, section: bool = False) -> Diagnostic:
    """What is wrong with a field or section that a recipe does not have."""
    name = ast.Identifier(path.span, path.text)
    if section and name.text in (*FORMS, *FIELDS):
        message = f"`{name.text}` is a field, not a section"
        return Diagnostic("E204", message, path.span, help=f"write `{name.text}: …`")
    if name.text in SECTIONS:
        message = f"`{name.text}` is a section, not a field"
        return Diagnostic("E204", message, path.span, help=f"write `{name.text} {{ … }}` or `none`")
    elsewhere = {
        **{setting: f"`{field_}`" for field_, forms in FORMS.items() for known in forms.values() for setting in known},
        "stages": "`progressive`",
        "image_size": "`progressive`, or write `train_size`",
        "lr": "`schedule`, as its `peak`",
    }
    return unknown_field(name, ALL, "a recipe", elsewhere)


def misnamed(path: ast.Path, *, section: bool = False) -> Diagnostic | None:
    """What is wrong with the name of a field or section; none if a recipe has it."""
    head, rest = path.head.text, path.text.removeprefix(path.head.text).removeprefix(".")
    if section:
        return None if path.text in SECTIONS else unknown(path, section=True)
    if head in SECTIONS and rest:
        at = ast.Identifier(path.span, rest)
        return None if rest in INSIDE[head] else unknown_field(at, INSIDE[head], f"`{head}`", {})
    if head in FORMS:
        return None
    return None if path.text in FIELDS else unknown(path)


__all__ = [
    "ALL",
    "FIELDS",
    "FORMS",
    "INSIDE",
    "NEEDED",
    "PARTS",
    "REQUIRED",
    "SECTIONS",
    "STAGED",
    "VERIFIED",
    "Kind",
    "misnamed",
    "unknown",
]
