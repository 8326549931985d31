"""The Data tab: the datasets, their episodes, and one episode to watch, replay or mend."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio_rerun import Rerun

from studio.curation import Curation
from studio.desk import Desk
from studio.pages.looking import NOT_CHOSEN, SHOW, Chosen, Looking
from studio.pages.mending import (
    Order,
    bind,
    build_judging,
    build_mending,
    build_taking_back,
    build_whole,
)
from studio.pages.quiet import QUIET
from studio.parts import heading, watching_part

RERUN_PIXELS = 620


@dataclass(frozen=True, slots=True)
class DataTab:
    """What other tabs need to show an episode here."""

    looking: Looking
    outputs: list[Any]
    """What `open` fills: all of `Shown`, the words and tags of `Watched`, and both conditions."""

    def open(self, clip: tuple[str, int]) -> tuple[Any, ...]:
        """Return what `outputs` become, so that `clip`, of all its dataset, is watched."""
        name, number = clip
        lists = self.looking.refresh(name, "", "")
        watched = self.looking.watch(name, number)
        shown = lists._replace(chosen=watched.chosen, film=watched.film)
        return (*shown, watched.task, watched.tags, "", "")


def build_data_tab(desk: Desk, tab: gr.Tab) -> DataTab:
    """Lay out the list on the left and the episode on the right."""
    looking = Looking(desk.episodes, Curation(desk.catalogue, desk.record), desk.notices)
    chosen = gr.State(NOT_CHOSEN)
    with gr.Row(elem_id="data"):
        with gr.Column(elem_classes="card", elem_id="episode-list", min_width=0):
            heading("Episodes")
            dataset = gr.Dropdown(
                [], value=None, label="of the dataset", elem_id="data-dataset", filterable=False
            )
            where, show = _conditions()
            episodes = watching_part("episodes")
            lists, back = build_taking_back()
            other, whole = build_whole(where, show)
        with gr.Column(elem_classes="card", elem_id="episode", min_width=0):
            judging = _acting(desk, [dataset, chosen])
            film = watching_part("episode")
            mending = build_mending()
    place = [dataset, where, show, chosen]
    shown = [chosen, film, dataset, episodes, *lists]
    watched = [chosen, film, mending.task, mending.tags]
    asked = place[:3]
    tab.select(looking.refresh, asked, shown, **QUIET)
    episodes.stale(looking.look_again, asked, shown, **QUIET)
    dataset.input(looking.switch, asked, shown, **QUIET)
    gr.on([where.submit, show.input], looking.listed, asked, shown[3:], **QUIET)
    gr.on([tab.select, dataset.input], _others(desk), dataset, other, **QUIET)
    episodes.choose(looking.choose, dataset, watched, **QUIET)
    mending.find.click(
        _finding(desk, looking), [dataset, chosen], [mending.head, mending.tail], **QUIET
    )
    bind(desk, looking, [*judging, *back, *whole, *mending.orders], place, shown)
    return DataTab(looking, [*shown, *watched[2:], where, show])


def _acting(desk: Desk, meant: list[Any]) -> list[Order]:
    """Lay out what is done most to the episode that is `meant`, above it; return its edits."""
    with gr.Row(elem_classes="buttons", elem_id="acting"):
        judging = build_judging()
        replay = gr.Button(_replay_words(desk), size="sm", elem_id="replay")
        show = gr.Button("Open in Rerun", size="sm", elem_id="show-rrd")
        hide = gr.Button("Close Rerun", size="sm", elem_id="hide-rrd", visible=False)
    replay.click(_replaying(desk), meant, **QUIET)
    _in_rerun(desk, meant, show, hide)
    return judging


def _conditions() -> tuple[gr.Textbox, gr.Dropdown]:
    with gr.Row(elem_classes="fields"):
        show = gr.Dropdown(
            list(SHOW.items()),
            value="",
            label="show",
            elem_id="data-show",
            filterable=False,
            min_width=120,
        )
        where = gr.Textbox(
            label="where", placeholder="secs<2, task~cube", elem_id="data-where", min_width=120
        )
    return where, show


def _replay_words(desk: Desk) -> str:
    return "Replay in simulation" if desk.station.can_rearrange else "Replay on the robot"


def _others(desk: Desk) -> Callable[[str | None], Any]:
    def others(name: str | None) -> Any:  # noqa: ANN401 - what Gradio takes
        choices = [pair for pair in desk.episodes.datasets() if pair[1] != name]
        return gr.Dropdown(choices=choices, value=choices[0][1] if choices else None)

    return others


def _finding(desk: Desk, looking: Looking) -> Callable[..., tuple[float, float]]:
    def on_find(name: str | None, chosen: Chosen) -> tuple[float, float]:
        with desk.notices.reporting(""):
            head, tail = looking.curation.waiting(name, chosen[0])
            if not head and not tail:
                desk.notices.add("This episode waits neither at its start nor at its end.")
            return head, tail
        return 0.0, 0.0

    return on_find


def _in_rerun(desk: Desk, meant: list[Any], show: gr.Button, hide: gr.Button) -> None:
    """Show the episode that is `meant` in Rerun, from a file that the studio writes."""
    scene = Rerun(
        visible=False,
        height=RERUN_PIXELS,
        container=False,
        elem_id="rerun-episode",
        panel_states={"blueprint": "hidden", "selection": "hidden", "top": "hidden"},
    )

    def on_show(name: str | None, chosen: Chosen, request: gr.Request) -> tuple[Any, Any, Any]:
        with desk.notices.reporting("Rerun"):
            number, _ = _require_chosen(desk, name, chosen)
            page = request.headers.get("origin") or f"http://{request.headers['host']}"
            address = page + desk.episodes.rrd_path(name or "", number)
            there, gone = gr.update(visible=True), gr.update(visible=False)
            return gr.update(value=address, visible=True), gone, there
        return gr.skip(), gr.skip(), gr.skip()

    def on_hide() -> tuple[Any, Any, Any]:
        return gr.update(visible=False), gr.update(visible=True), gr.update(visible=False)

    show.click(on_show, meant, [scene, show, hide], **QUIET)
    hide.click(on_hide, outputs=[scene, show, hide], **QUIET)


def _require_chosen(desk: Desk, name: str | None, chosen: Chosen) -> Chosen:
    """Raise `ValueError` unless an episode is chosen, and its dataset was not edited since."""
    number, version = chosen
    if not name or number < 0:
        raise ValueError("Choose an episode first.")
    if version != desk.episodes.version(name):
        raise ValueError("This dataset was edited meanwhile. Choose the episode again.")
    return chosen


def _replaying(desk: Desk) -> Callable[[str | None, Chosen, gr.Request], None]:
    def on_replay(name: str | None, chosen: Chosen, request: gr.Request) -> None:
        desk.order(request, lambda: _replay(desk, name, chosen))

    return on_replay


def _replay(desk: Desk, name: str | None, chosen: Chosen) -> None:
    number, _ = _require_chosen(desk, name, chosen)
    agent = desk.episodes.replay(name or "", number, desk.station.robot.embodiment)
    desk.station.replay(agent, f"replay of {name}, episode {number}")
