"""Why nothing was made of a checkpoint or a network, as text."""

from __future__ import annotations

from archdsl.records import dataclass
from archdsl.visible import visible
from archdsl.weights.checkpoints import WeightsFault

MAX_LISTED = 40
"""As many operations that could take another tensor are listed in an error."""


@dataclass(frozen=True)
class Refusal:
    """Why nothing was made of a network, which is called so, and what would help."""

    file: str
    message: str
    help: str | None = None
    notes: tuple[str, ...] = ()


def fault_text(fault: WeightsFault | Refusal) -> str:
    """Why there is no result, with notes and help. It is not a fault of a program, and has no code."""
    lines = [f"error: {visible(fault.file)}: {visible(fault.message)}"]
    lines += [f"note: {visible(note)}" for note in fault.notes[:MAX_LISTED]]
    if len(fault.notes) > MAX_LISTED:
        lines.append(f"note: and {len(fault.notes) - MAX_LISTED:,} more, which --format json lists")
    if fault.help is not None:
        lines.append(f"help: {visible(fault.help)}")
    return "\n".join(lines)
