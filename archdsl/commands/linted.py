"""The targets that `archdsl lint` knows, and those of the user's files."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from archdsl.files import FileFault, reading
from archdsl.limits import MAX_FILE_BYTES
from archdsl.linting.rules import RuleFault, Target, target_of
from archdsl.resources import data_root, read_data
from archdsl.suggest import did_you_mean

FOLDER, SUFFIX = "specs/targets", ".json"


def names() -> list[str]:
    """The targets whose rules ship with archdsl."""
    return sorted(path.stem for path in (data_root() / FOLDER).glob(f"*{SUFFIX}"))


def shipped() -> list[Target]:
    """Each with its rules."""
    return [_shipped(name) for name in names()]


def _shipped(name: str) -> Target:
    return target_of(read_data(f"{FOLDER}/{name}{SUFFIX}"), name)


def completed(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Names that begin so, or a file."""
    found = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, "file")]


def target_named(text: str) -> Target:
    """The target of that name, or in that file. Ends the command where there is none."""
    if not text.endswith(SUFFIX):
        if text not in names():
            hint = did_you_mean(text, names()) or f"there are {', '.join(names())}"
            raise click.BadParameter(f"there is no target '{text}'; {hint}", param_hint="--target")
        return _shipped(text)
    try:
        with reading(Path(text)) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise RuleFault(f"it has more than {MAX_FILE_BYTES:,} bytes")
        return target_of(content.decode("utf-8"), Path(text).stem)
    except (FileFault, RuleFault) as fault:
        raise click.ClickException(f"{text}: {fault}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{text}: it is not UTF-8") from None


__all__ = ["completed", "names", "shipped", "target_named"]
