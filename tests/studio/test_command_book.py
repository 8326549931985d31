from contextlib import closing

from recordings.catalogue import Catalogue
from studio.command_book import CommandBook
from studio.history import History, Outcome
from studio.notices import Notices


def test_a_judgement_and_a_clip_are_kept_with_the_instruction_they_are_of(tmp_path):
    with closing(Catalogue.in_folder(tmp_path)) as catalogue:
        notices = Notices()
        with closing(CommandBook(catalogue, notices)) as book:
            history = History(book)
            history.begin("pick up the red cube", "nano", "browser 1")
            history.end(Outcome.STOPPED)
            history.show([1], ("cubes", 4))
            history.judge(1, success=True)
            history.begin("wave", "nano", "browser 1")
            history.show([2], ("cubes", 5))  # still running: kept once it ends
            history.end(Outcome.REPLACED)
        kept = catalogue.commands()
        assert [(each.instruction, each.outcome, each.dataset, each.episode) for each in kept] == [
            ("wave", "replaced", "cubes", 5),
            ("pick up the red cube", "done", "cubes", 4),
        ]
        assert notices.recent() == []
