"""What can be asked of a simulated world as it was set out, in canonical sentences."""

from hardware.simulation.language.instructions import wordings
from hardware.simulation.layout import Layout
from hardware.simulation.tasks.catalogue import later_in, tasks_in
from hardware.simulation.world import World


class Offers:
    """Sentences about what lies in a world, worked out once for each layout."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._layout: Layout | None = None
        self._said: tuple[tuple[str, ...], ...] = ()

    def __call__(self) -> tuple[tuple[str, ...], ...]:
        """Of each kind of task that the table allows, the sentences of its tasks, each once.

        Also of kinds that are kept out of training, for a policy that was taught them later.
        """
        layout = self._world.layout
        if layout is not self._layout:
            kinds: dict[str, dict[str, None]] = {}
            for task in (*tasks_in(layout), *later_in(layout)):
                kinds.setdefault(task.family, {})[wordings(task)[0]] = None
            self._layout, self._said = layout, tuple(tuple(said) for said in kinds.values())
        return self._said
