"""The first pictures of Fashion-MNIST as files of their own: python pictures.py FOLDER OUT TRAIN VAL.

FOLDER has the four .gz files of the data set, in the IDX format: 16 or 8 bytes of head, of which 4 to 8 are the count,
then a byte for each pixel or class.
"""

import gzip
import sys
from pathlib import Path

PARTS = {"images-idx3-ubyte": (16, 28 * 28), "labels-idx1-ubyte": (8, 1)}


def main(folder: Path, out: Path, train: int, val: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", train), ("t10k", val)):
        for part, (head, size) in PARTS.items():
            content = gzip.decompress((folder / f"{name}-{part}.gz").read_bytes())
            if len(content) < head + count * size:
                sys.exit(f"{folder}: {name}-{part} has fewer than {count} pictures")
            new_head = content[:4] + count.to_bytes(4, "big") + content[8:head]
            (out / f"{name}-{part}").write_bytes(new_head + content[head : head + count * size])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
