"""Stands in for policy.train: writes the same files, and does as its request says."""

import json
import signal
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])
request = json.loads((folder / "request.json").read_text())
steps = request["steps"]
manner = request.get("manner", "train")


def say(status, step, checkpoint=None, error=None):
    content = {"status": status, "step": step, "steps": steps, "error": error}
    part = folder / ".status.part"
    part.write_text(json.dumps(content | {"checkpoint": checkpoint}))
    part.replace(folder / "status.json")


def keep(step):
    checkpoint = folder / "checkpoints" / f"{step:06d}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "config.json").write_text("{}")
    return str(checkpoint)


sys.stdout.write("hello from the trainer\n")
sys.stdout.flush()
if manner == "crash":
    sys.exit("no such optimiser")
if manner == "deaf":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
step = 0
say("running", 0)
try:
    for step in range(1, steps + 1):
        with (folder / "metrics.jsonl").open("a") as metrics:
            line = {"step": step, "steps": steps, "loss": 1 / step, "samples_per_second": 10.0}
            metrics.write(json.dumps(line) + "\n")
        time.sleep(request.get("secs", 0.01))
    say("succeeded", steps, checkpoint=keep(steps))
except KeyboardInterrupt:
    say("cancelled", step, checkpoint=keep(step))
