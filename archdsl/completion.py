"""Completion in shells: scripts for bash, zsh and fish, and what they are answered.

click finds out which argument or option the cursor is at; what it may be says `commands.completing`. The scripts are
ours, for three things that click's do not do: `FILE:MODEL` and `NAME:4` are one word although bash breaks words at
colons; no blank is put behind `NAME:` or a folder; names of files are quoted by the shell where they need it. What goes
wrong stays silent: a prompt is no place for it.
"""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from archdsl.commands.completing import FOLDER, OPEN, PATH

VARIABLE = "_ARCHDSL_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
_END = "\x01"
"""Stands behind the words of a line, so that the last one is the one at the cursor, however it is quoted."""

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response kind value
    COMPREPLY=()
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            open) COMPREPLY+=("$value"); compopt -o nospace ;;
            path) COMPREPLY+=("$value"); compopt -o filenames ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
        esac
    done <<< "$response"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a response described plain open
    local kind key help
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null)}")
    for kind key help in ${response}; do
        case $kind in
            plain) [[ $help == _ ]] && plain+=("$key") || described+=("$key:$help") ;;
            open) open+=("$key") ;;
            dir) _path_files -/ ;;
            file) _path_files -f ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V plain -a plain
    (( $#open )) && compadd -U -S '' -V open -a open
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Answers(ShellComplete):
    """Where nothing else is known of an argument, it may be a file."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        found = super().get_completions(args, incomplete)
        if found or incomplete.startswith("-"):
            return found
        return [CompletionItem(incomplete, "file")]


class Bash(_Answers, BashComplete):
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        *args, last = split_arg_string(os.environ.get("COMP_LINE", "") + _END)
        return args[1:], last.removesuffix(_END)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """The items as bash takes them: of a word that it has broken, the rest behind the break."""
        kept = _kept(incomplete)
        found = super().get_completions(args, incomplete)
        option, equal, _ = incomplete.partition("=")
        if equal and option.startswith("--"):  # click answers with what stands behind the sign
            for item in found:
                item.value = f"{option}={item.value}"
        for item in found:
            if item.value.startswith(kept):
                item.value = item.value.removeprefix(kept)
        return found

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{PATH if item.type == FOLDER else item.type},{item.value}"


class Zsh(_Answers, ZshComplete):
    source_template = _ZSH

    def format_completion(self, item: CompletionItem[str]) -> str:
        return super().format_completion(_of_other_shells(item))


class Fish(_Answers, FishComplete):
    def format_completion(self, item: CompletionItem[str]) -> str:
        found = _of_other_shells(item)
        found.type = "plain" if found.type == OPEN else found.type  # fish sees by the last character
        return super().format_completion(found)


def _of_other_shells(item: CompletionItem[str]) -> CompletionItem[str]:
    if item.type == FOLDER:
        return CompletionItem(f"{item.value}/", OPEN)
    return CompletionItem(item.value, "plain" if item.type == PATH else item.type, item.help)


def _kept(incomplete: str) -> str:
    """What bash leaves as it is of a word: up to the last of its breaks, but for one within quotes."""
    line = os.environ.get("COMP_LINE", "")
    if not line.endswith(incomplete):  # it was quoted
        return ""
    before = line[: len(line) - len(incomplete)]
    if before.endswith(("'", '"')):
        return ""
    breaks = [sign for sign in ":=" if sign in os.environ.get("COMP_BREAKS", "")]
    return incomplete[: max([incomplete.rfind(sign) for sign in breaks], default=-1) + 1]


def register() -> None:
    """Make click answer with these."""
    for name, shell in zip(SHELLS, (Bash, Zsh, Fish), strict=True):
        add_completion_class(shell, name)


def script(shell: str, command: click.Command) -> str:
    """The script that a shell reads."""
    register()
    found = get_completion_class(shell)
    if found is None:
        raise ValueError(f"there is no completion for {shell}")
    return found(command, {}, "archdsl", VARIABLE).source()


__all__ = ["SHELLS", "VARIABLE", "register", "script"]
