"""Demonstrations as robosuite's collector writes them: made here, and those of its wheel."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np

RELEASE = "robosuite==1.4.0"
INSIDE = "robosuite/models/assets/demonstrations/"
MODEL = """<mujoco model="base"><worldbody>
 <body name="robot0_link1"><joint name="robot0_joint1"/>
  <body name="robot0_link2"><joint name="robot0_joint2" type="hinge"/>
   <body name="finger"><joint name="gripper0_finger_joint1" type="slide"/></body></body></body>
 <body name="cube"><freejoint name="cube_joint0"/></body>
</worldbody></mujoco>"""
QPOS, QVEL = 10, 9


def write_demonstrations(path, steps=(12, 15), *, dtype=np.float64, model=MODEL, control_hz=20):
    """Demonstrations of a robot of two joints and a finger, and a cube."""
    rng = np.random.default_rng(len(steps))
    options = {"env_name": "Lift", "robots": "Tiny", "controller_configs": {"type": "OSC_POSE"}}
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env"] = "TwoArmLift"
        data.attrs["env_info"] = json.dumps(options | {"control_freq": control_hz})
        for number, count in enumerate(steps, start=1):
            group = data.create_group(f"demo_{number + 8}")
            group.attrs["model_file"] = model
            states = rng.normal(size=(count, 1 + QPOS + QVEL)).astype(dtype)
            states[:, 0] = 0.25 + np.arange(count) / control_hz
            group.create_dataset("states", data=states)
            group.create_dataset("actions", data=rng.normal(size=(count, 7)).astype(dtype))
            group.create_dataset("interventions", data=rng.random((count, 1)) < 0.5)
            group.create_dataset("user_acting", data=rng.random((count, 2)) < 0.5)
            group.create_dataset("clicks", data=rng.integers(0, 9, count))
            group.create_dataset("user_info/clutch", data=np.ones(3 * count, bool))
            group.attrs["metadata"] = json.dumps({"completed": number == 1, "user_id": "ada"})
            group.attrs["settings"] = "x" * 5000
    return path


def real_demonstrations():
    """Return the folder of the human demonstrations that robosuite's wheel has; None without net.

    The wheel (190 MB) is fetched once a machine and forgotten but for them (6 MB).
    """
    kept = Path(tempfile.gettempdir()) / f"vla-studio-{RELEASE.replace('==', '-')}-demonstrations"
    if kept.exists():
        return kept
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
        try:
            subprocess.run(
                [*command, "--retries", "0", RELEASE, "--dest", folder],
                check=True,
                capture_output=True,
                timeout=150,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return None
        with ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            names = [name for name in wheel.namelist() if name.startswith(INSIDE)]
            wheel.extractall(folder, names)
        shutil.copytree(Path(folder) / INSIDE, Path(folder) / "done")
        try:
            (Path(folder) / "done").rename(kept)
        except OSError:
            if not kept.exists():  # another test run was first
                raise
    return kept
