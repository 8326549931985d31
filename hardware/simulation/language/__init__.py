"""How the tasks of the simulated world are told in words, and words read back."""

from hardware.simulation.language.instructions import held_out, instruct, politely, wordings
from hardware.simulation.language.reading import reword, task_ids_told, understand
from hardware.simulation.language.withheld import is_held_out

__all__ = [
    "held_out",
    "instruct",
    "is_held_out",
    "politely",
    "reword",
    "task_ids_told",
    "understand",
    "wordings",
]
