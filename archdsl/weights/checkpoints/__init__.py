"""Checkpoints as files: what is in them, without running what they say.

    records      tensors as a file describes them, their numbers still in the file
    pickles      what a pickle describes; nothing that it names is called
    archives     the two forms of files that `torch.save` writes
    tensorfiles  .safetensors files
    reading      which entry holds the weights, and by which names
    onnxfiles    the tensors of an .onnx file's graph, without their numbers
    maps         the text of a map
    writing      the file of the result

A checkpoint is a stranger's file. Its size bounds what reading it costs: counted steps for a pickle, at most four times
the file's size for compressed records, and numbers only of tensors that an operation takes. A graph alone is read whole
(`archdsl.onnxmodels`).
"""

from __future__ import annotations

from archdsl.weights.checkpoints.reading import (
    AVERAGED,
    CONTAINERS,
    NO_TENSOR,
    SUFFIX,
    Checkpoint,
    WeightsFault,
    opened,
    read_checkpoint,
    read_file,
)
from archdsl.weights.checkpoints.records import FLOATS, INTEGERS, Damaged, Record, numbers

__all__ = [
    "AVERAGED",
    "CONTAINERS",
    "FLOATS",
    "INTEGERS",
    "NO_TENSOR",
    "SUFFIX",
    "Checkpoint",
    "Damaged",
    "Record",
    "WeightsFault",
    "numbers",
    "opened",
    "read_checkpoint",
    "read_file",
]
