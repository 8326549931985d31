"""What the page does with the history of instructions: judge one, or watch its clip."""

import threading
from typing import Any

import gradio as gr

from studio.curation import Curation
from studio.desk import Desk
from studio.history import Instruction
from studio.pages.data import DataTab
from studio.pages.quiet import QUIET


def wire_history(desk: Desk, history: gr.HTML, tabs: gr.Tabs, data: DataTab) -> None:
    """Let a person judge instructions in the part `history`, and open their clips in `data`."""
    outputs = [tabs, *data.outputs]
    one_at_a_time = threading.Lock()  # a clip that is being marked is another version right after

    def on_choose(request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        with one_at_a_time:
            return chosen(request, event)

    def chosen(request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        number = int(event.number)
        if event.what == "clip":
            with desk.notices.reporting("This clip cannot be shown"):
                return gr.Tabs(selected="data"), *data.open(_clip(desk, number))
        else:
            desk.order(request, lambda: _judge(desk, number, success=event.what == "worked"))
        return tuple(gr.skip() for _ in outputs)

    # A second press while the first is worked on waits, instead of being dropped.
    history.choose(on_choose, None, outputs, trigger_mode="multiple", **QUIET)


def _clip(desk: Desk, number: int) -> tuple[str, int]:
    told = desk.station.history.told(number)
    if told.clip is None or told.clip_version != desk.episodes.version(told.clip[0]):
        raise ValueError("its dataset was edited since. Look for it in the Data tab.")
    return told.clip


def _judge(desk: Desk, number: int, *, success: bool) -> None:
    judged = desk.station.judge(number, success=success)
    if judged.clip is not None:
        _mark_clip(desk, judged, success=success)


def _mark_clip(desk: Desk, judged: Instruction, *, success: bool) -> None:
    """Say the same of the recording, if it shows this instruction alone."""
    name, episode = judged.clip or ("", -1)
    shown = [told for told in desk.station.history.newest_first() if told.clip == judged.clip]
    before = judged.clip_version
    if len(shown) != 1:
        return
    if before != desk.episodes.version(name):
        raise ValueError(
            f"The instruction is judged, its recording is not: {name!r} was edited since. Look "
            "for the episode in the Data tab."
        )
    if desk.record.works_in(name):
        desk.notices.add(desk.record.judge(name, episode, success=success))
    else:
        seen = Curation(desk.catalogue, desk.record).as_seen(before)
        desk.notices.add(seen.mark(name, episode, success=success))
        desk.station.history.follow(name, before, desk.episodes.version(name))
