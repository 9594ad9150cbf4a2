"""What a study costs around its trainings: `archdsl study run` against the same scripts, started one by one by hand.

    python benchmarks/studies.py --data /usr/share/datasets/fashion-mnist [--members 4] [--jobs 2] [--epochs 1]

Both run so many trainings at a time, on one thread each. The study is run first, in a folder that goes afterwards; then
the scripts that it has written are started in copies of their folders, by a plain `python train_….py`. Wall time is
what a user waits for, and is disturbed by what else the machine does; processor time counts the study's own work, its
compilations and its server too. Goal: at 20 s a training no more than 5 % over the scripts.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NETS = """arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

block simple(x; width) = x -> conv(width, kernel: 3, stride: 2) -> batch_norm -> relu
block classify(x; classes: 10) = x -> global_pool -> linear(classes)

model net(width: 4, more: 8) {
  input: 1 x 28 x 28
  stages: [simple { width: width }, simple { width: more }]
  head: classify
}
space tiny {
  width ~ int(4 .. 12)
  more  ~ int(8 .. 24)
  model: net(width, more)
}
"""


def timed(run: object) -> tuple[float, float]:
    """Wall time and processor time of what is called, with all processes that it starts and waits for."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run()  # type: ignore[operator]
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    given = parser.parse_args()
    script = ["--device=cpu", f"--epochs={given.epochs}", *([f"--data={given.data}"] if given.data else [])]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nets.arch").write_text(NETS)
        command = [sys.executable, "-m", "archdsl", "study", "run", "nets.arch:tiny", "--count", str(given.members)]
        command += ["--jobs", str(given.jobs), "--threads", "1", "-o", "study", "--", *script]
        wall, cpu = timed(lambda: subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL))

        def by_hand(number: int) -> None:
            copy, trial = folder / f"copy_{number}", folder / "study" / "trials" / f"{number:04}"
            copy.mkdir()
            for path in trial.glob("*.py"):
                shutil.copy(path, copy)
            start = [sys.executable, f"train_tiny_{number}.py", "--out=.", *script]
            subprocess.run(start, cwd=copy, env=environ, check=True, stdout=subprocess.DEVNULL)
            whole = (copy / "model.safetensors").read_bytes() == (trial / "model.safetensors").read_bytes()
            print(f"training {number}: {'the same weights' if whole else 'OTHER WEIGHTS'}")

        def all_by_hand() -> None:
            with ThreadPoolExecutor(given.jobs) as pool:
                list(pool.map(by_hand, range(given.members)))

        bare_wall, bare_cpu = timed(all_by_hand)
    print(f"{given.members} trainings, {given.jobs} at a time")
    print(f"study    {wall:8.1f} s   {cpu:8.1f} s of processors")
    print(f"scripts  {bare_wall:8.1f} s   {bare_cpu:8.1f} s of processors")
    print(f"ratio    {wall / bare_wall:8.3f}     {cpu / bare_cpu:8.3f}")


if __name__ == "__main__":
    main()
