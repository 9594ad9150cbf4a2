"""The text of entry points of many recipes: as ruff lays it out, and with types that hold."""

from __future__ import annotations

import ast
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import tools
from scripts import PLAIN, STAGED, epochs, interface, sgd, write_pair

from archdsl.training.recipe import DEFAULT, Duration, Optimizer, Schedule, undefined

RECIPES = (
    DEFAULT,
    PLAIN,
    STAGED,
    replace(
        STAGED, name="staged_low", precision="bfloat16", crop_area=(Fraction("0.08"), Fraction(1)), flip=Fraction(1, 2)
    ),
    replace(
        PLAIN,
        name="adamw",
        optimizer=Optimizer("adamw", Fraction("0.05"), ("norms",)),
        schedule=Schedule("exponential", Fraction(2), decay=Fraction("0.02"), warmup=epochs(5), start=Fraction("0.1")),
        autoaugment=True,
        lighting=Fraction("0.1"),
        cutmix=Fraction(1),
        precise_bn=8192,
        precision="float16",
        clip_norm=Fraction(1),
        doc="Words that are long enough to be wrapped into several lines, " * 4,
        source=(("paper", "arXiv:0000.00000"), ("table", "5")),
    ),
    replace(
        PLAIN,
        name="biases",
        optimizer=sgd("5e-5", "biases"),
        schedule=Schedule("cosine", Fraction("0.8"), end=Fraction("0.01"), warmup=epochs(5), per="epoch", warm="line"),
        mixup=Fraction("0.2"),
        random_erasing=Fraction("0.2"),
        randaugment=Fraction(9),
        randaugment_std=Fraction(1, 2),
        swa=Duration(Fraction(300), "steps"),
        ema=Fraction("0.9999"),
        test_size=(240, 320),
    ),
    replace(
        PLAIN,
        name="stairs",
        schedule=Schedule("exponential", Fraction(1), decay=Fraction("0.9"), every=Duration(Fraction(500), "steps")),
        ema=Fraction("0.99"),
        ema_warmup=Duration(Fraction(100), "steps"),
        train_size=(160, 160),
    ),
    replace(PLAIN, name="steps", schedule=Schedule("constant", Fraction(1), warmup=Duration(Fraction(9), "steps"))),
)
ONLY_PATHS = replace(PLAIN, name="paths", stages=2, staged=(("drop_path", (Fraction(0), Fraction("0.2"))),))
COLORS = replace(
    PLAIN,
    name="colors",
    crop_padding=4,
    flip=Fraction(1, 2),
    brightness=Fraction("0.4"),
    contrast=Fraction("0.4"),
    saturation=Fraction("0.4"),
    hue=Fraction("0.1"),
)
GREYS = replace(COLORS, name="greys", saturation=Fraction(0), hue=Fraction(0), loss="bce", mixup=Fraction(1))
BRIGHT = replace(PLAIN, name="bright", brightness=Fraction(1), loss="bce")
FORMS = {
    "all": interface(),
    "grey": replace(interface(channels=1), drop_path_rate=None, sizes_padding=False),
    "fixed": replace(interface(), takes_channels=False, sizes_padding=False),
    "many": interface(channels=13),
}


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    from scripts import script

    for recipe in (*RECIPES, ONLY_PATHS, COLORS, GREYS, BRIGHT):
        for form, offered in FORMS.items():
            if undefined(recipe, offered.in_channels):  # the compiler refuses them
                continue
            name = f"{recipe.name}_{form}"
            (tmp_path / f"train_{name}.py").write_text(script(recipe, name, offered), encoding="ascii")
    tools.run(tmp_path, "ruff", "check", "--isolated", "--no-cache", ".")
    tools.run(tmp_path, "ruff", "format", "--check", "--diff", "--isolated", "--no-cache", ".")


def test_mypy_has_nothing_to_say(tmp_path: Path, mypy_cache: Path) -> None:
    names = ["staged_low", "biases", "colors", "greys", "bright"]
    for recipe in (*RECIPES, COLORS, GREYS, BRIGHT):
        if recipe.name in names:
            write_pair(tmp_path, recipe, recipe.name, channels=13 if recipe is GREYS else 3)
    tools.mypy(tmp_path, mypy_cache, [f"train_{name}.py" for name in names])


def test_the_loop_comes_before_the_data() -> None:
    """Settings, network, optimizer, training; how images are read stands behind it."""
    from scripts import script

    for recipe in (PLAIN, STAGED):
        text = script(recipe, recipe.name, interface())
        defined = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        order = [
            "Settings",
            "build",
            "make_optimizer",
            "Run",
            "train_epoch",
            "backward",
            "update",
            "fit",
            "Source",
            "main",
        ]
        assert sorted(order, key=defined.index) == order
        assert defined[-1] == "main"


def test_nothing_is_left_of_what_a_recipe_has_not() -> None:
    """Arguments of functions are read, whatever is switched off."""
    from scripts import script

    for recipe in RECIPES:
        functions = [n for n in ast.walk(ast.parse(script(recipe, "x", interface()))) if isinstance(n, ast.FunctionDef)]
        for function in functions:
            if function.name in ("backward", "update", "eval_model", "evaluate", "train_epoch", "fit", "begin"):
                read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
                assert {argument.arg for argument in function.args.args} <= read, (recipe.name, function.name)
