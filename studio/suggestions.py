"""What the page suggests to say: what can be done with what lies there, in words that are known."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from policy.instructions import examples, unknown_words, words_of

MOST = 12
"""As many as a person reads at a glance."""


class Suggestions:
    """Chooses of what can be asked of the world as it was set out."""

    def __init__(self, offered: Callable[[], Sequence[Sequence[str]]] = tuple) -> None:
        """`offered` says, kind by kind, what can be asked of the world; nothing of a real one."""
        self._offered = offered
        self._tasks: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._words: frozenset[str] = frozenset()

    def fitting(self, tasks: tuple[str, ...]) -> tuple[str, ...]:
        """At most `MOST` sentences for a policy that was trained on `tasks`.

        They are of as many kinds as it was trained on here; some of `tasks` themselves if none
        fits. A sentence with a word that it does not know is left out, as it would refuse it.
        """
        if tasks is not self._tasks:
            self._tasks, self._known, self._words = tasks, frozenset(tasks), _words(tasks)
        kinds = [
            [said for said in kind if not unknown_words(said, self._words)]
            for kind in self._offered()
            if not self._known.isdisjoint(kind)
        ]
        fitting = [kind for kind in kinds if kind]
        if not fitting:
            return tuple(examples(tasks, MOST))
        turns = [kind for n in range(MOST) for kind in fitting if len(kind) > n][:MOST]
        shares = [examples(kind, turns.count(kind)) for kind in fitting]
        return tuple(said for row in zip_longest(*shares) for said in row if said is not None)


def _words(tasks: Sequence[str]) -> frozenset[str]:
    """All words of `tasks`; none where a server's are not plain instructions."""
    try:
        return words_of(" ".join(tasks)) if tasks else frozenset()
    except ValueError:
        return frozenset()
