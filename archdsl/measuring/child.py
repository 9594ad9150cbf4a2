"""The process that measures one emitted module, in one round: run as a script, it knows torch and nothing of archdsl.

Its order comes as JSON on standard input, its answer goes as JSON to standard output: the machine, and of a module the
seconds of single passes and the bytes at the peak. An order without a module asks for the machine alone. What torch
and its compilers print goes to standard error.

Memory is taken over the first two passes, before the process is told to keep what it frees; time after that and after
more passes to warm up. Without keeping, large tensors' memory may go back to the system at once and come again page by
page, which takes longer than some networks do.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import platform
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Of mallopt, in malloc.h."""
WARM = 0.3
"""Seconds of passes that are not counted, at least one; the first two are not either."""
MOST_TIMES = 1000
"""Of one turn, that are told."""


class Refused(Exception):
    """Why nothing is measured, in words for the user."""


def main() -> int:
    """Measure what standard input orders; 0, or 1 after a refusal."""
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.read())
    try:
        answer = measured(order)
    except Refused as fault:
        answer = {"refused": str(fault)}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 1 if "refused" in answer else 0


def end_with(starter: int) -> None:
    """End this process, and those that it started, when its starter is gone, however that ended."""
    while os.getppid() == starter:
        time.sleep(1)
    if hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def measured(order: dict[str, Any]) -> dict[str, Any]:
    """The machine, and what the module takes there, if the order has one."""
    import torch

    # Weights as a model starts them can make numbers so small that a CPU is many times slower with them. Threads that
    # start later do as this one.
    flushed = torch.set_flush_denormal(True)
    if order["threads"] is not None:
        torch.set_num_threads(order["threads"])
    device = device_of(torch, order["device"])
    machine = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "flush_denormal": flushed,
        "memory_kept": mallopt() is not None,
    }
    if "path" not in order:
        return machine
    try:
        return machine | turn(torch, order, device)
    except (RuntimeError, ValueError, TypeError, NotImplementedError, MemoryError) as fault:
        raise Refused(first_line(fault)) from None


def turn(torch: Any, order: dict[str, Any], device: Any) -> dict[str, Any]:
    """Seconds of single passes, how many passes there were, and bytes at the peak."""
    from torch.utils.benchmark import Timer

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    memory = Memory(torch, device)
    step = step_of(torch, order, device)
    for _ in range(2):  # in the second training step the optimizer's state is there from the start
        step()
    synchronise(torch, device)
    peak = memory.peak()
    keep_memory()
    begin = time.perf_counter()
    while True:
        step()
        synchronise(torch, device)
        if time.perf_counter() - begin > WARM:
            break
    clock: dict[str, Any] = {"timer": time.process_time} if order["clock"] == "cpu" else {}
    timer = Timer("step()", globals={"step": step}, num_threads=torch.get_num_threads(), **clock)
    found = timer.blocked_autorange(min_run_time=order["seconds"])
    times = list(found.times)
    passes = found.number_per_run * len(times)
    return {"times": times[:: 1 + len(times) // MOST_TIMES], "passes": passes, "memory": peak, "load": load}


# The work


def step_of(torch: Any, order: dict[str, Any], device: Any) -> Callable[[], object]:
    """What is timed, on images that are drawn once."""
    generator = torch.Generator().manual_seed(order["seed"])
    images = torch.randn(order["batch"], *order["shape"], generator=generator)
    torch.manual_seed(order["seed"])
    module = loaded(order["path"], order["class_name"])()
    training, half = order["work"] == "training", order["dtype"] == "bfloat16"
    layout = torch.channels_last if order["layout"] == "channels_last" else torch.contiguous_format
    module = module.to(device, memory_format=layout).train(training)
    images = images.to(device, memory_format=layout)
    if half and not training:
        module, images = module.bfloat16(), images.bfloat16()
    called = torch.compile(module) if order["compiled"] else module
    if not training:

        def inference() -> object:
            with torch.inference_mode():
                return called(images)

        return inference
    optimizer = torch.optim.SGD(module.parameters(), lr=0.0, momentum=0.9)
    gradients: list[Any] = []

    def mixed() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.bfloat16) if half else nullcontext()

    def training_step() -> None:
        with mixed():
            outputs = [each for each in tensors_of(called(images)) if each.requires_grad]
        if not gradients:
            if not outputs:
                raise Refused("the network has nothing to train")
            gradients.extend(torch.randn(each.shape, generator=generator).to(each) for each in outputs)
        torch.autograd.backward(outputs, gradients)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return training_step


def loaded(path: str, class_name: str) -> Any:
    """The class of an emitted module."""
    spec = importlib.util.spec_from_file_location("measured_network", path)
    if spec is None or spec.loader is None:
        raise Refused("the module cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules["measured_network"] = module
    spec.loader.exec_module(module)
    return getattr(module, class_name)


def tensors_of(output: Any) -> Iterator[Any]:
    """The tensors of an output, which may be several."""
    if isinstance(output, (list, tuple)):
        for each in output:
            yield from tensors_of(each)
    else:
        yield output


# The machine


def device_of(torch: Any, name: str) -> Any:
    """The device of that name, if it is there."""
    try:
        device = torch.device(name)
    except RuntimeError:
        raise Refused(f"there is no device '{name}'") from None
    if device.type not in ("cpu", "cuda"):
        raise Refused(f"devices are cpu and cuda, not '{name}'")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise Refused("torch finds no CUDA device")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise Refused(f"there is no device '{name}'; there are {torch.cuda.device_count()} GPUs")
    return device


def cpu_name() -> str:
    """What the system calls the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def synchronise(torch: Any, device: Any) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Memory:
    """Bytes at the peak, from here on: see `settings.MEMORY`."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.torch, self.device = torch, device
        if device.type == "cuda":
            torch.cuda.init()
            torch.cuda.reset_peak_memory_stats(device)
        self.before = resident(reset=True)

    def peak(self) -> int | None:
        """The peak; none where the system does not tell."""
        if self.device.type == "cuda":
            return int(self.torch.cuda.max_memory_allocated(self.device))
        now = resident(reset=False)
        return None if now is None or self.before is None else max(0, now - self.before)


def resident(*, reset: bool) -> int | None:
    """The most bytes of memory that the process ever held, or held since it was reset; none where nobody tells."""
    try:
        if reset:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            found = re.search(r"^VmHWM:\s*([0-9]+) kB$", file.read(), re.MULTILINE)
        if found:
            return 1024 * int(found[1])
    except OSError:
        pass  # not Linux, or not allowed: what follows is never reset
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)


def mallopt() -> Callable[[int, int], int] | None:
    """The C library's function, where it has it; glibc has."""
    try:
        found: Callable[[int, int], int] = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return None
    return found


def keep_memory() -> None:
    """Let the process keep memory that it frees, where the C library can."""
    option = mallopt()
    if option is not None:
        option(M_TRIM_THRESHOLD, -1)
        option(M_MMAP_MAX, 0)


def first_line(fault: BaseException) -> str:
    """Why it failed, in one line."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return f"{type(fault).__name__}: {lines[0][:300]}" if lines else type(fault).__name__


if __name__ == "__main__":
    sys.exit(main())
