"""The Data tab: the datasets, their episodes, and one episode to watch or to replay."""

import gradio as gr

from studio.desk import Desk
from studio.pages.quiet import QUIET
from studio.parts import heading, watching_part


def build_data_tab(desk: Desk, tab: gr.Tab) -> None:
    """Lay out the list on the left and the episode on the right."""
    chosen = gr.State(-1)
    with gr.Row(elem_id="data"):
        with gr.Column(elem_classes="card", elem_id="episode-list", min_width=0):
            heading("Episodes")
            dataset = gr.Dropdown(
                [], value=None, label="of the dataset", elem_id="data-dataset", filterable=False
            )
            episodes = watching_part("episodes")
        with gr.Column(elem_classes="card", elem_id="episode", min_width=0):
            film = watching_part("episode")
            replay = gr.Button("Replay on the robot", elem_id="replay")

    def refresh(name: str | None) -> tuple[gr.Dropdown, str]:
        names = desk.episodes.datasets()
        known = [value for _, value in names]
        shown = name if name in known else next(iter(known), None)
        return gr.Dropdown(choices=names, value=shown), desk.episodes.listing(shown)

    def watch(name: str, event: gr.EventData) -> tuple[int, str]:
        number = int(event.episode)
        with desk.notices.reporting("This episode cannot be shown"):
            return number, desk.episodes.to_watch(name, number)
        return -1, ""

    def on_replay(name: str | None, number: int, request: gr.Request) -> None:
        desk.order(request, lambda: _replay(desk, name, number))

    tab.select(refresh, dataset, [dataset, episodes], **QUIET)
    dataset.input(desk.episodes.listing, dataset, episodes, **QUIET)
    episodes.choose(watch, dataset, [chosen, film], **QUIET)
    replay.click(on_replay, [dataset, chosen], **QUIET)


def _replay(desk: Desk, name: str | None, number: int) -> None:
    if not name or number < 0:
        raise ValueError("Choose an episode to replay first.")
    desk.station.replay(desk.episodes.replay(name, number), f"replay of {name}, episode {number}")
