#!/usr/bin/env bash
# Compiles physics and virtual table once, so that nothing waits for it after a start.
source "$(dirname "$0")/lib.sh"

[[ -f billiards_trainer/physics/warmup.py ]] || exit 0

# What is compiled belongs to this source, this environment and this processor.
processor=$(grep -m1 'model name' /proc/cpuinfo || uname -m)
want="$(fingerprint billiards_trainer/physics billiards_trainer/simulation billiards_trainer/table.py \
    .venv/.installed) $processor"
mark=.venv/.compiled

stamped "$mark" "$want" && exit 0
one_at_a_time
stamped "$mark" "$want" && exit 0
say "compiling the physics"
.venv/bin/python -m billiards_trainer.physics.warmup
if [[ -f billiards_trainer/simulation/warmup.py ]]; then
    say "compiling the virtual table"
    .venv/bin/python -m billiards_trainer.simulation.warmup
fi
stamp "$mark" "$want"
