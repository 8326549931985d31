"""How the tasks of the simulated world are told in words, and words read back."""

from hardware.simulation.language.instructions import held_out, instruct, politely, wordings
from hardware.simulation.language.reading import reword, task_ids_told, understand

__all__ = [
    "held_out",
    "instruct",
    "politely",
    "reword",
    "task_ids_told",
    "understand",
    "wordings",
]
