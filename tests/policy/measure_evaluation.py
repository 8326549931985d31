"""Floors, the expert, and how fast episodes are evaluated.

`PYTHONPATH=. python tests/policy/measure_evaluation.py [STARTS] [CHECKPOINT]`. Runs `STARTS` (20)
of each kind of task with the expert, with nothing and with random targets, then as many of each
task that the checkpoint (nano) knows, in two processes; prints the tables and episodes an hour,
starting the processes included.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from policy.evaluation.environments import open_environment
from policy.evaluation.report import rows, table
from policy.evaluation.request import Request, Rules
from policy.evaluation.runner import opened, run
from policy.evaluation.seeds import seeds_of

NANO = Path(__file__).parents[2] / "policy" / "pretrained" / "nano"
WORKERS = 2


def measure(policy, starts):
    """Evaluate one policy on what it knows, and say how it went."""
    environment, _ = open_environment("aloha_sim", Rules())
    seeds = seeds_of("test", None, starts)
    asked = Request(policy, "aloha_sim", tasks=(), axes=(None,), swap=False, seeds=seeds)
    _, driver = opened(asked.policy, asked.env, asked.replanning, asked.rules)
    request = replace(asked, tasks=environment.select(driver.tasks))
    opened.cache_clear()
    began = time.monotonic()
    results = list(run(request, request.starts(), workers=WORKERS))
    hourly = 3600 * len(results) / (time.monotonic() - began)
    by_start = {result.start: result for result in results}
    sys.stdout.write(f"\n{policy}: {hourly:.0f} episodes an hour, {WORKERS} processes\n")
    sys.stdout.write(table(rows([by_start[start] for start in request.starts()])) + "\n")


def main():
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    checkpoint = sys.argv[2] if len(sys.argv) > 2 else str(NANO)
    for policy in ("nothing", "random", "expert", checkpoint):
        measure(policy, starts)


if __name__ == "__main__":
    main()
