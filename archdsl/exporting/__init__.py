"""Emitted modules as files of inference engines, each compared with its module in the runtime that it is for.

What enters is a module with its weights; what leaves is bytes, with the differences that were measured, or an
`ExportFault`. All needs torch, and each target what `targets.py` names; nothing is imported before it is used.

    targets       the kinds of files
    states        weights where none are given
    tracing       the module as torch.export's program
    pt2, onnx_files, openvino_files, executorch_files      the files of each target, and their runtimes
    quantizing    the same with weights and activations of 8 bits
    differences   the module beside the runtime
    run           all of it, in order
"""
