#!/usr/bin/env bash
# Half an hour on a GPU without a network: bash docs/gpu/kit.sh [WHEELS] [OUT]
#
# Runs from the checkout, installs nothing into the system, and writes each result at once; each step has a time limit and none stops the next.
# WHEELS is a folder with the pure wheels that the machine lacks (pip download pytest-benchmark py-cpuinfo2 ruptures hypothesis sortedcontainers).
# It ends with OUT.tar.gz; elsewhere, `rnnbench report` reads the runs in it. Python 3.11 or later with torch, numpy, pandas and pytest.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
wheels=$(realpath -m "${1:-$here/wheels}")
out=$(realpath -m "${2:-gpu-kit}")
share=${KIT_SHARE:-1}        # of every limit: 0.1 tries the script out
preset=${KIT_PRESET:-standard}
python=${KIT_PYTHON:-python3}
mkdir -p "$out/packages" "$out/results"

if [ -d "$wheels" ]; then
    "$python" -m pip install --quiet --no-index --no-deps --target "$out/packages" "$wheels"/*.whl
fi
export PYTHONPATH="$here:$out/packages${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1 COLUMNS=160 NO_COLOR=1
cd "$here" || exit 1

step() {  # NAME SECONDS COMMAND...: its output in OUT/NAME.txt, and how it ended in OUT/steps.txt
    local name=$1 limit begun code
    case " ${KIT_ONLY:-$name} " in *" $name "*) ;; *) return ;; esac
    limit=$(awk "BEGIN {print int($2 * $share) + 1}")
    shift 2
    begun=$(date +%s)
    timeout --signal=INT --kill-after=20 "$limit" "$@" >"$out/$name.txt" 2>&1 </dev/null
    code=$?
    printf '%s: exit %s after %s s of %s\n' "$name" "$code" "$(($(date +%s) - begun))" "$limit" | tee -a "$out/steps.txt"
}

suite() {  # NAME WORDS...: a piece of a suite, which ends by itself within eight minutes
    local name=$1 seconds
    shift
    seconds=$(awk "BEGIN {print int(440 * $share) + 1}")
    step "$name" 480 "$python" -m rnnbench run --device cuda --preset "$preset" --max-time "$seconds" --no-report \
        --results "$out/results" "$@"
}

step versions 60 "$python" -c 'import sys, torch; print(sys.version); print(torch.__config__.show(), torch.cuda.get_device_properties(0))'
step nvidia-smi 60 nvidia-smi -q
step packages 60 "$python" -m pip list
step tests 300 "$python" -m pytest tests/cuda -q -p no:cacheprovider -k 'not suite_runs'
step doctor 120 "$python" -m rnnbench doctor --device cuda
step questions 300 "$python" docs/gpu/questions.py "$out/questions.jsonl"
suite depth-fused --suite depth --set depth=1,2,4
suite precision --suite precision --set precision=fp32,tf32,bf16,fp16
suite decode --suite decode
suite execution --suite execution
suite attention --suite attention
suite depth-deep --suite depth --set depth=8,16

tar -czf "$out.tar.gz" -C "$(dirname "$out")" --exclude=packages "$(basename "$out")"
echo "everything is in $out.tar.gz; elsewhere: tar -xzf it, then rnnbench report $(basename "$out")/results/RUN"
