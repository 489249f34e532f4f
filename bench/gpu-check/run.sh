#!/usr/bin/env bash
# Checks and measures this machine's GPU with Ctwa.Orleans and with PyTorch; see README.md beside this file.
# usage: run.sh OUTPUT_FOLDER [quick]        quick: probes and golden values only
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$1; mode=${2:-full}
python=${PYTHON:-python3}                       # the one that holds PyTorch
golden=${CTWA_SHARED:-$here/../../../shared}/golden/decoder/models
device=${DEVICE:-cuda}; preset=${PRESET:-qwen2.5-1.5b}; length=${LENGTH:-512}; prompt=${PROMPT:-64}; tokens=${NEW_TOKENS:-128}
program=${GPU_CHECK:-$here/bin/publish/gpu-check} # dotnet publish bench/gpu-check ... (README.md)
mkdir -p "$out"
json=$out/gpu-check.jsonl; log=$out/gpu-check.log
# Found without importing it: an import takes seconds.
: "${CTWA_LIBTORCH:=$("$python" -c 'import importlib.util as u, os; print(os.path.join(os.path.dirname(u.find_spec("torch").origin), "lib"))')}"
export CTWA_LIBTORCH

# part SECONDS COMMAND...: one part with its own time limit; a part that fails or hangs stops no other.
part() {
    local limit=$1; shift
    echo "== $(date +%T) $*" | tee -a "$log"
    timeout -k 5 "$limit" "$@" 2>>"$log" | tee -a "$log" | cut -c1-400
    local status=${PIPESTATUS[0]}
    if [ "$status" -ne 0 ]; then
        echo "   exit status $status" | tee -a "$log"
        printf '{"part":"failure","who":"run.sh","command":"%s","status":%d}\n' "$(basename "$1") ${*:2}" "$status" >>"$json"
    fi
    return "$status"
}
loads=yes
ours() { if [ $loads = yes ]; then part "$1" "$program" "${@:2}" --device "$device" --json "$json"; fi; }

printf '{"part":"machine","who":"run.sh","gpu":"%s","processor":"%s","cores":%d,"system":"%s","date":"%s"}\n' \
    "$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null | head -1)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)" "$(date -u +%F)" | tee -a "$json"
part 60 "$python" "$here/symbols.py" "$(dirname "$program")/libLibTorchSharp.so" "$CTWA_LIBTORCH" "$json"
ours 90 probe || { loads=no; tail -40 "$log"; } # The PyTorch figures are worth having all the same.
ours 60 golden --golden "$golden"
ours 60 golden --golden "$golden" --attention fused
ours 60 golden --golden "$golden" --type bfloat16
ours 60 golden --golden "$golden" --type bfloat16 --attention fused
ours 60 golden --golden "$golden" --type tf32
if [ "$mode" = quick ]; then
    ours 60 train --preset tiny --batch 4 --length 64 --type bfloat16 --attention fused
    ours 60 generate --preset tiny --batch 64 --length 16 --new-tokens 16
    part 90 "$python" "$here/../pytorch/gpu_check.py" --device "$device" --preset tiny --repeats 2 --new-tokens 8 --prompt 8 --train float32:sdpa,bfloat16:eager --generate bfloat16:16 --json "$json"
    exit
fi

for kind in float32 tf32 bfloat16; do
    for attention in own fused; do
        ours 60 train --preset "$preset" --length "$length" --type $kind --attention $attention
    done
done
for rows in 64 256; do
    for kind in float32 bfloat16; do
        ours 60 generate --preset "$preset" --batch $rows --length "$prompt" --new-tokens "$tokens" --type $kind --warm-ups 1 --repeats 3
        ours 60 profile --preset "$preset" --batch $rows --length "$prompt" --type $kind
    done
done
part 240 "$python" "$here/../pytorch/gpu_check.py" --device "$device" --preset "$preset" --length "$length" --prompt "$prompt" --new-tokens "$tokens" --seconds 200 --json "$json"
