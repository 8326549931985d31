"""The two standard tasks as data: their names, and the words for them. Knows no physics."""

from dataclasses import dataclass

import numpy as np

STEPS = 400
"""Control ticks of an episode: 8 seconds at 50 Hz, as in the ACT paper (Zhao et al. 2023) and in
LeRobot. The package registers its environments with 300."""


@dataclass(frozen=True, slots=True)
class StandardTask:
    """One task of the package gym-aloha."""

    id: str
    """Its Gymnasium id."""
    things: tuple[str, ...]
    """Bodies that move freely; the right arm takes the first."""
    wordings: tuple[str, ...]
    """For training and testing; the first is canonical. None that our own tasks hold out."""
    held_out: tuple[str, ...]
    """Never trained on, and no sentence in which our own tasks are."""

    def instruct(self, rng: np.random.Generator, *, unseen: bool = False) -> str:
        """Say it in words drawn by `rng`: in held-out ones if `unseen`."""
        words = self.held_out if unseen else self.wordings
        return words[int(rng.integers(len(words)))]


TRANSFER = StandardTask(
    "gym_aloha/AlohaTransferCube-v0",
    ("box",),
    (
        "pick up the cube with the right arm and transfer it to the left arm",
        "transfer the red cube from the right arm to the left arm",
        "transfer the cube to the left arm",
        "hand the red cube over from the right hand to the left hand",
        "pass the cube from the right gripper to the left gripper",
        "take the red cube with the right arm and give it to the left arm",
        "use the right arm to pick up the cube, then hand it to the left arm",
        "grab the red cube on the right and pass it to the left gripper",
        "lift the cube with the right gripper and let the left gripper take it",
        "please hand the cube over to the left arm",
        "give the red cube to the left arm",
        "pick the red block up with the right hand and transfer it to the left one",
        "let the right arm give the red cube to the left arm",
    ),
    (
        "make the left arm end up holding the red cube that the right arm picks up",
        "could you pass the red block over to the left side",
        "the cube should change hands, from right to left",
        "fetch the cube on the right, then swap it into the left hand",
    ),
)

INSERTION = StandardTask(
    "gym_aloha/AlohaInsertion-v0",
    ("peg", "socket"),
    (
        "insert the peg into the socket",
        "insert the red peg into the blue socket",
        "pick up the peg and the socket and insert the peg into the socket",
        "put the red peg into the blue socket",
        "push the peg into the socket in mid-air",
        "take the peg with the right arm, the socket with the left arm, and join them",
        "plug the red peg into the blue socket",
        "lift both parts and slide the peg into the socket",
        "with both arms, insert the peg into the socket",
        "please put the peg into the socket",
        "pick up the blue socket with the left arm and insert the red peg with the right arm",
        "stick the red stick into the blue socket",
        "assemble the peg and the socket",
    ),
    (
        "the red peg belongs inside the blue socket, put it there",
        "could you fit the peg in the socket's hole",
        "bring the two parts together so that the socket holds the peg",
        "left arm: socket, right arm: peg; now mate them",
    ),
)

STANDARD_TASKS = {task.id: task for task in (TRANSFER, INSERTION)}
"""By Gymnasium id."""


def standard_task(name: str) -> StandardTask:
    """Look a task up by its Gymnasium id. Raises `ValueError` listing the known ones."""
    if name not in STANDARD_TASKS:
        raise ValueError(f"The standard tasks are {sorted(STANDARD_TASKS)}, got {name!r}.")
    return STANDARD_TASKS[name]
