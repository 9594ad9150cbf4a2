"""What `compile` and `train` share: the emitted files of a model, under one name, written all or none."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from archdsl.compiler import Compiled
from archdsl.files import FileFault, write_atomically

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


# Options


def name_option(function: AnyFunction) -> AnyFunction:
    return click.option(
        "--name", metavar="NAME", help="Of the files and the module; the model's, with its scaling, if not given."
    )(function)


def classes_option(function: AnyFunction) -> AnyFunction:
    return click.option("--classes", type=click.IntRange(1), metavar="N", help="Short for --set head.classes=N.")(
        function
    )


def without_short_forms(
    options: Mapping[str, Any], classes: int | None, resolution: int | None = None
) -> dict[str, Any]:
    """The options with what `--classes` and `--resolution` stand for."""
    found = dict(options)
    if resolution is not None:
        if found["input_"] is not None:
            raise click.UsageError("--resolution and --input both give the input's size.")
        found["input_"] = f"{resolution}x{resolution}"
    if classes is not None:
        found["settings"] = (*found["settings"], f"head.classes={classes}")
    return found


# Names and texts


def words_of(options: Mapping[str, Any], classes: int | None, resolution: int | None = None) -> list[str]:
    """What was changed, as it was written."""
    found = [f"--model {options['model']}"] if options["model"] else []
    found += [f"--set {text}" for text in options["settings"]]
    found += [f"--classes {classes}"] if classes is not None else []
    found += [f"--scale {text}" for text in options["scalings"]]
    found += [f"--to {options['budget']}"] if options["budget"] else []
    found += [f"--input {options['input_']}"] if options["input_"] else []
    found += [f"--resolution {resolution}"] if resolution is not None else []
    return found


def chosen_name(name: str | None, result: Compiled, options: Mapping[str, Any]) -> str:
    """The name of the files and the module: the one asked for, or the model's with what was asked of it."""
    from archdsl.emission import default_name, name_fault

    asked = [*options["scalings"], *([options["budget"]] if options["budget"] else [])]
    chosen = default_name(result.name, asked, options["input_"]) if name is None else name
    wrong = name_fault(chosen)
    if wrong is not None:
        raise click.BadParameter(wrong if name is not None else f"{wrong}; give another", param_hint="--name")
    return chosen


def texts_of(
    result: Compiled, name: str, file: str, words: Sequence[str], targets: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """The files of the targets by name: (target, text). Raises `archdsl.emission.NoEmission`."""
    from archdsl.emission import about_of, emit

    spec = "standard input" if file == "-" else file
    return emit(result.network, about_of(result, name, spec, words), list(dict.fromkeys(targets)), result.recipe)


# Writing


def write_all(folder: Path, texts: dict[str, tuple[str, str]], force: bool) -> list[tuple[Path, str, int]]:
    """Write all files, or none: what stands in the way of one is found before the first is written."""
    with undisturbed():
        return _write_all(folder, texts, force)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Requests to end this process come into effect when what is done within is done, whole."""
    came: list[int] = []
    before: dict[int, Any] = {}
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                before[number] = signal.signal(number, lambda number, _: came.append(number))
    except ValueError:  # not the main thread, which alone is told of signals
        pass
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action if action is not None else signal.SIG_DFL)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _write_all(folder: Path, texts: dict[str, tuple[str, str]], force: bool) -> list[tuple[Path, str, int]]:
    paths = {name: folder / name for name in texts}
    taken = [path for path in paths.values() if os.path.lexists(path)]
    if taken and not force:
        raise click.ClickException(f"{taken[0]} exists already; --force overwrites it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = [path for path in taken if path.exists() and not path.is_file()]
        if strange:
            raise click.ClickException(f"{strange[0]}: not a regular file")
        before = {path: path.read_bytes() for path in taken if path.exists()}
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {(error.strerror or 'cannot be written').lower()}") from None
    written: list[tuple[Path, str, int]] = []
    for name, (target, text) in texts.items():
        try:
            write_atomically(paths[name], text, force)
        except FileFault as fault:
            _restore([path for path, _, _ in written], before)
            raise click.ClickException(f"{paths[name]}: {fault.message}") from None
        written.append((paths[name], target, len(text.encode())))
    return written


def _restore(written: list[Path], before: dict[Path, bytes]) -> None:
    """Put files back as they were before any was written."""
    for path in written:
        with contextlib.suppress(OSError, FileFault):  # the fault that is reported is the first one
            if path in before:
                write_atomically(path, before[path], force=True)
            else:
                Path(os.path.realpath(path)).unlink()  # a link that led nowhere stays
