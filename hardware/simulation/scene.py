"""The simulated scene's MuJoCo model, arms and stock of bodies, and where its numbers lie."""

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Int64

from hardware.aloha import ARMS
from hardware.aloha_model import aloha_spec, finger_names, joint_names
from hardware.simulation.stock import STOCK, add_stock, body_name, slide_name
from hardware.simulation.things import HALF_HEIGHTS


@dataclass(frozen=True)
class Slot:
    """One body of the stock, which a layout can set out as a thing."""

    shape: str
    number: int
    body: int
    """Of the body in the model; of a drawer, of its cabinet."""
    geoms: Int64[np.ndarray, "geoms"]
    qpos: int | None
    """Where its seven pose numbers start in `qpos`; None for what stays."""
    dof: int | None
    """Where its six speeds start in `qvel`."""
    slide: int | None
    """Where a drawer's opening lies in `qpos`."""
    parked: tuple[float, float, float]
    """Where it is when no layout wants it, metres: under the floor."""


@dataclass(frozen=True)
class Scene:
    """A compiled model and the addresses of its parts in MuJoCo's arrays."""

    model: mujoco.MjModel
    joint_qpos: Int64[np.ndarray, "arms joints"]
    """Positions of the six joints of each arm in `qpos`."""
    finger_qpos: Int64[np.ndarray, "arms 2"]
    joint_dofs: Int64[np.ndarray, "arms joints"]
    """Their speeds in `qvel`."""
    finger_dofs: Int64[np.ndarray, "arms 2"]
    arm_ctrl: Int64[np.ndarray, "arms 8"]
    """Positions of each arm's actuators in `ctrl`: six joints, left finger, right finger."""
    slots: Mapping[str, tuple[Slot, ...]]
    """The stock by shape."""
    arm_labels: Mapping[int, str]
    """Of geoms of the arms and the table: "left", "left_finger_right", "table"."""


@functools.cache
def _template() -> Scene:
    spec = aloha_spec()
    add_stock(spec)
    model = spec.compile()

    def qpos(names: list[str]) -> list[int]:
        return [int(model.joint(name).qposadr[0]) for name in names]

    def dofs(names: list[str]) -> list[int]:
        return [int(model.joint(name).dofadr[0]) for name in names]

    return Scene(
        model=model,
        joint_qpos=np.array([qpos(joint_names(arm)) for arm in ARMS]),
        finger_qpos=np.array([qpos(finger_names(arm)) for arm in ARMS]),
        joint_dofs=np.array([dofs(joint_names(arm)) for arm in ARMS]),
        finger_dofs=np.array([dofs(finger_names(arm)) for arm in ARMS]),
        arm_ctrl=np.array([_actuators(model, arm) for arm in ARMS]),
        slots={
            shape: tuple(_slot(model, shape, number) for number in range(count))
            for shape, count in STOCK.items()
        },
        arm_labels=_arm_labels(model),
    )


def aloha_scene() -> Scene:
    """Return a scene with a model of its own, for layouts change colours and light in it."""
    template = _template()
    return Scene(**{**vars(template), "model": copy.copy(template.model)})


def _actuators(model: mujoco.MjModel, arm: str) -> list[int]:
    of_joint = {int(model.actuator_trnid[i, 0]): i for i in range(model.nu)}
    return [of_joint[model.joint(name).id] for name in (*joint_names(arm), *finger_names(arm))]


def _slot(model: mujoco.MjModel, shape: str, number: int) -> Slot:
    body = model.body(body_name(shape, number)).id
    bodies = [i for i in range(model.nbody) if i == body or model.body_parentid[i] == body]
    joint = int(model.body_jntadr[body])
    free = shape in HALF_HEIGHTS
    row = list(STOCK).index(shape)
    return Slot(
        shape=shape,
        number=number,
        body=body,
        geoms=np.flatnonzero(np.isin(model.geom_bodyid, bodies)),
        qpos=int(model.jnt_qposadr[joint]) if free else None,
        dof=int(model.jnt_dofadr[joint]) if free else None,
        slide=int(model.joint(slide_name(number)).qposadr[0]) if shape == "drawer" else None,
        parked=(0.3 * row - 1.5, 0.3 * number - 0.5, -4.0),
    )


def _arm_labels(model: mujoco.MjModel) -> dict[int, str]:
    labels = {model.geom("table").id: "table"}
    for number in range(model.ngeom):
        name = model.geom(number).name
        for arm in ARMS:
            if name.startswith(f"vx300s_{arm}/"):
                labels[number] = arm
                for side in ("left", "right"):
                    if name == f"vx300s_{arm}/10_{side}_gripper_finger":
                        labels[number] = finger_label(arm, side)
    return labels


def finger_label(arm: str, side: str) -> str:
    """What `World.labels` calls a finger of `arm`."""
    return f"{arm}_finger_{side}"
