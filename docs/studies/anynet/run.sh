#!/usr/bin/env bash
# Two design spaces, trained and compared: bash run.sh IMAGES OUT [MEMBERS] [SEEDS] [TRAIN] [VAL] [SCRIPT OPTIONS...]
# IMAGES is a folder with Fashion-MNIST's four .gz files. The same command again goes on with what it began.
set -euo pipefail
images=$(realpath "$1") out=$2 members=${3:-40} seeds=${4:-2} train=${5:-4000} val=${6:-2000}
shift $(($# < 6 ? $# : 6))
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out"
out=$(realpath "$out")
[ "$out/spaces.arch" -ef "$here/spaces.arch" ] || cp "$here/spaces.arch" "$out/spaces.arch"
cd "$out"
python "$here/pictures.py" "$images" pictures "$train" "$val"

for space in a e; do
  archdsl study run "spaces.arch:$space" --count "$members" --seeds "$seeds" --threads 1 --recipe short \
    --data pictures -o "$space" -- "$@"
  cat "$space"/trials/*.jsonl > "$space/attempts.jsonl"
done

archdsl population edf a e > edf.txt
archdsl population compare a e > compare.txt
archdsl population efit a e > efit.txt
archdsl population best a e --column model.depth --column efit --column width.0 --column width.2 > best.txt
archdsl plot edf a e -o edf.svg > /dev/null
archdsl plot efit a e -o efit.svg > /dev/null
