#!/bin/sh
# Figure 2 of "Fast and Accurate Model Scaling" and figure 12 of RegNet on a GPU: bfloat16, channels last, compiled.
# Each network in a process of its own; started again, it goes on. See README.md.
#
#   sh benchmarks/gpu_bench.sh OUT                                  on the first GPU
#   DEVICE=cpu BATCH=2 FACTORS=2 ROUNDS=1 SECONDS_EACH=0.1 LIMIT=600 SIZE=32x32 \
#     NETS=anynet_small TREND_NETS=anynet_small sh benchmarks/gpu_bench.sh OUT
set -eu
out=${1:?"usage: gpu_bench.sh OUT"}
mkdir -p "$out"
archdsl=${ARCHDSL:-archdsl}
how="--device ${DEVICE:-cuda} --dtype bfloat16 --layout channels_last --compile --batch ${BATCH:-64}"
how="$how --rounds ${ROUNDS:-3} --seconds ${SECONDS_EACH:-1} --limit ${LIMIT:-300} ${SIZE:+--input $SIZE}"

# A network that does not fit is a row that says why; the pictures are of the others.
# shellcheck disable=SC2086
for net in ${NETS:-efficientnet_b0 regnety_400mf regnetz_500mf}; do
  "$archdsl" bench "$net" --strategies dwr,dw,dWr,w --factors "${FACTORS:-2,4,8,16,32}" $how --train \
    -o "$out/scaled_$net.jsonl" || echo "$net: not all was measured" >&2
  for work in inference training; do
    "$archdsl" plot bench "$out/scaled_$net.jsonl" --work $work -o "$out/scaled_${net}_$work.svg" --force
  done
done
# shellcheck disable=SC2086
"$archdsl" bench ${TREND_NETS:-regnetx_200mf regnetx_400mf regnetx_600mf regnetx_800mf regnetx_1_6gf regnetx_3_2gf \
  regnetx_4gf regnetx_6_4gf regnetx_8gf regnetx_12gf regnetx_16gf regnetx_32gf} $how \
  -o "$out/regnetx.jsonl" || echo "RegNetX: not all was measured" >&2
"$archdsl" plot bench "$out/regnetx.jsonl" --show trends -o "$out/regnetx.svg" --force
