"""Writes every instruction into the catalogue, in a thread of its own."""

from concurrent.futures import ThreadPoolExecutor

from recordings.catalogue import Catalogue
from studio.history import Instruction
from studio.notices import Notices


class CommandBook:
    """A `Keeper` for `History`: returns at once; a failed write becomes a notice."""

    def __init__(self, catalogue: Catalogue, notices: Notices) -> None:
        self._catalogue = catalogue
        self._notices = notices
        self._keys: dict[int, str] = {}
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="command-book")

    def __call__(self, told: Instruction) -> None:
        """Keep an instruction that ended, or what was said of it since."""
        self._notices.watch(self._writer.submit(self._write, told), "The history of instructions")

    def close(self) -> None:
        """Write what is still to be written."""
        self._writer.shutdown(wait=True)

    def _write(self, told: Instruction) -> None:
        if told.number not in self._keys:
            command = self._catalogue.add_command(
                told.text, who=told.who, policy=told.policy, outcome=told.outcome, said_at=told.at
            )
            self._keys[told.number] = command.key
            if told.clip is None:
                return
        self._catalogue.end_command(self._keys[told.number], outcome=told.outcome, clip=told.clip)
