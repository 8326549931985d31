import json
import shutil
from contextlib import closing

import gradio as gr
import pytest
from bench import Bench

from recordings import editing
from recordings.catalogue import Catalogue
from recordings.dataset import Dataset
from recordings.piece import retasked, without
from studio.curation import Curation
from studio.episodes import Episodes
from studio.notices import Notices
from studio.pages.looking import NOT_CHOSEN, Looking
from studio.record_desk import RecordDesk


@pytest.fixture
def desk(tmp_path):
    """A catalogue of one dataset of three episodes, which the recorder still has open."""
    catalogue = Catalogue.in_folder(tmp_path)
    with Bench() as bench:
        record = RecordDesk(bench.recorder, catalogue)
        for number in range(3):
            record.start("d", f"task {number % 2}")
            bench.turn(100 + 50 * number)
            record.save()
        yield bench, record, Curation(catalogue, record), Episodes(catalogue)
    catalogue.close()


def listed(episodes, where=""):
    return [(each["episode"], each["task"]) for each in json.loads(episodes.listing("d", where))]


def test_an_edit_shows_at_once_and_can_be_taken_back(desk):
    _, _, curation, episodes = desk
    assert curation.delete("d", 1) == "delete 1"
    assert listed(episodes) == [(1, "task 0"), (0, "task 0")]
    ((words, key),) = curation.trash("d")
    assert words == "task 1 · 3.0 s"
    assert curation.undo("d") == "Taken back: delete 1"
    assert listed(episodes) == [(2, "task 0"), (1, "task 1"), (0, "task 0")]
    assert curation.redo("d") == "Done again: delete 1"
    curation.restore("d", -1, key)
    assert listed(episodes)[0] == (2, "task 1")
    assert curation.trash("d") == []


def test_episodes_are_trimmed_and_split_by_the_second(desk):
    _, _, curation, episodes = desk
    assert curation.trim("d", 2, 0.5, 1) == "trim 2 --head 5 --tail 10"
    assert curation.split("d", 2, 1) == "split 2 --at 10"
    with Dataset(folder_of(episodes)) as dataset:
        assert [each.num_frames for each in dataset.episodes()] == [20, 30, 10, 15]
    watched = json.loads(episodes.to_watch("d", 3))
    assert (watched["secs"], watched["films"][0]["from"]) == (1.5, 1.5)


def folder_of(episodes):
    return episodes._catalogue.dataset_folder("d")


def test_what_is_said_of_an_episode_is_listed_and_asked_for(desk):
    _, _, curation, episodes = desk
    curation.mark("d", 0, success=False)
    curation.retask("d", 1, "other words")
    assert listed(episodes, "success=no") == [(0, "task 0")]
    assert listed(episodes, "secs>2, task~OTHER") == [(1, "other words")]
    assert json.loads(episodes.listing("d"))[2]["success"] == "no"
    with pytest.raises(ValueError, match="There is no field"):
        episodes.listing("d", "length>2")


def test_an_edit_by_command_shows_in_the_list(desk):
    _, record, _, episodes = desk
    assert len(listed(episodes)) == 3
    folder = folder_of(episodes)
    record.let_go(folder)
    editing.edit(folder, "retask", lambda all_: retasked(all_, [0], "by command"))
    assert listed(episodes)[-1] == (0, "by command")
    with closing(Catalogue.in_folder(folder.parents[1])) as reopened:
        assert reopened.episodes("d")[0].task == "by command"


def test_an_edit_by_command_shows_also_when_the_page_was_never_opened(desk, tmp_path):
    _, record, _, episodes = desk
    folder = folder_of(episodes)
    record.let_go(folder)
    editing.edit(folder, "delete", lambda all_: without(all_, [0]))
    assert listed(episodes) == [(1, "task 0"), (0, "task 1")]


def test_an_episode_chosen_before_somebody_elses_edit_is_not_mended(desk):
    _, record, curation, episodes = desk
    folder = folder_of(episodes)
    record.let_go(folder)
    chosen = curation.as_seen(episodes.version("d"))
    editing.edit(folder, "delete", lambda all_: without(all_, [0]))
    with pytest.raises(ValueError, match="edited meanwhile"):
        chosen.delete("d", 1)
    assert len(listed(episodes)) == 2
    curation.as_seen(episodes.version("d")).delete("d", 1)
    assert len(listed(episodes)) == 1


def test_the_episode_chosen_is_let_go_of_with_its_dataset(desk):
    _, record, curation, episodes = desk
    looking = Looking(episodes, curation, Notices())
    record.let_go(folder_of(episodes))
    curation.mark("d", 2, success=True)
    chosen, film, *_ = looking.choose("d", gr.EventData(None, {"episode": 2}))
    assert chosen == (2, episodes.version("d"))
    assert json.loads(film)["title"] == "d · episode 2"
    assert looking.switch("another", "")[:2] == (NOT_CHOSEN, "")
    assert looking.refresh("was removed", "")[:2] == (NOT_CHOSEN, "")
    assert looking.refresh("d", "")[:2] != (NOT_CHOSEN, "")


def test_an_open_episode_keeps_its_dataset(desk):
    bench, record, curation, _ = desk
    record.start("d", "another")
    bench.turn(20)
    with pytest.raises(ValueError, match="would tear the open episode"):
        curation.delete("d", 0)
    record.save()
    curation.delete("d", 0)
    record.start("d", "after the edit")
    bench.turn(20)
    assert record.save() == "Episode 3 is saved in d."


def test_what_makes_no_sense_is_said(desk):
    _, _, curation, _ = desk
    for act, words in [
        (lambda: curation.delete("d", -1), "Choose an episode first"),
        (lambda: curation.delete(None, 0), "Choose a dataset first"),
        (lambda: curation.trim("d", 0, 0, 0), "Say how many seconds"),
        (lambda: curation.restore("d", -1, None), "Choose a deleted episode"),
        (lambda: curation.undo("d"), "no edit to undo"),
    ]:
        with pytest.raises(ValueError, match=words):
            act()


def test_waiting_is_found_in_seconds(desk):
    _, _, curation, _ = desk
    assert curation.waiting("d", 0) == (0.0, 0.0)


def test_a_film_has_another_address_after_an_edit(desk):
    _, _, curation, episodes = desk
    before = json.loads(episodes.to_watch("d", 1))["films"][0]["url"]
    curation.delete("d", 0)
    assert (
        json.loads(episodes.to_watch("d", 0))["films"][0]["url"].partition("?")[2]
        == (before.partition("?")[2])
    )
    assert json.loads(episodes.to_watch("d", 1))["films"][0]["url"] != before
    shutil.rmtree(folder_of(episodes))


def test_tags_are_set_as_they_are_written(desk):
    _, _, curation, episodes = desk
    assert curation.tag("d", 1, "slow,  dropped once") == "tag 1 --add slow --add dropped once"
    assert curation.said_of("d", 1) == ("task 1", "slow, dropped once")
    assert curation.tag("d", 1, "slow") == "tag 1 --remove dropped once"
    assert listed(episodes, "tags=slow") == [(1, "task 1")]
    with pytest.raises(ValueError, match="has these tags already"):
        curation.tag("d", 1, " slow ")


def test_what_is_listed_is_copied_and_merged_back(desk):
    _, _, curation, episodes = desk
    assert curation.copy("d", -1, "task=task 0", "secs>2.5", "some") == "1 episodes copied to some."
    assert [name for _, name in episodes.datasets()] == ["d", "some"]
    assert curation.merge("d", -1, "some") == "merge some"
    assert len(listed(episodes)) == 4
    for act, words in [
        (lambda: curation.merge("d", -1, "d"), "Choose another dataset"),
        (lambda: curation.copy("d", -1, "", "", "../x"), "letters, digits"),
        (lambda: curation.copy(None, -1, "", "", "x"), "Choose a dataset"),
    ]:
        with pytest.raises(ValueError, match=words):
            act()


def test_only_what_can_be_taken_back_is_offered(desk):
    _, _, curation, episodes = desk
    looking = Looking(episodes, curation, Notices())
    assert curation.reach("d") == ("", "")
    assert not any(each.visible for each in looking.listed("d", "")[1:])
    curation.delete("d", 1)
    assert curation.reach("d") == ("delete 1", "")
    lists = looking.listed("d", "")
    assert (lists.undo.visible, lists.undo.value) == (True, "Undo: delete 1")
    assert lists.trash.visible and lists.restore.visible and not lists.redo.visible
    curation.undo("d")
    assert curation.reach("d") == ("", "delete 1")
    assert curation.reach(None) == ("", "")


def test_a_failed_episode_says_that_training_leaves_it_out(desk):
    _, _, curation, episodes = desk
    curation.mark("d", 0, success=False)
    lines = json.loads(episodes.listing("d"))
    assert "marked as failed" in lines[2]["left_out"]
    assert lines[0]["left_out"] == ""
