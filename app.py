"""Start the studio: `python app.py`. Builds the parts; the only file that knows every package."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import tyro
import uvicorn
from fastapi import FastAPI

from hardware.interfaces import HardwareError
from hardware.safety.journal import Journal
from hardware.workcell.file import load_workcell
from hardware.workcell.hand_range import HandRange
from hardware.workcell.problem import WorkcellError
from recordings.catalogue import Catalogue
from recordings.codec import H264, Codec, codec_named, require_usable
from recordings.jobs import JobQueue
from recordings.recorder import Recorder
from studio.command_book import CommandBook
from studio.desk import Desk
from studio.drive_log import DriveLog
from studio.episodes import Episodes
from studio.history import History
from studio.live import Live
from studio.notices import Notices
from studio.policy_host import PolicyHost
from studio.preflight import NotReadyError, check_data_dir, check_libraries, listen
from studio.record_desk import RecordDesk
from studio.report import Report
from studio.seat import Seat
from studio.server import build_server
from studio.station import Station
from studio.stop_signal import StopSignal
from studio.training import Training
from studio.uplink import Uplink
from studio.viewer import Viewer
from studio.workcell_desk import WorkcellDesk
from studio.workcell_rig import SIMULATED, opened_rig

logger = logging.getLogger("studio")

SHIPPED_CHECKPOINT = Path(__file__).parent / "policy" / "pretrained" / "nano"

GRACE_SECS = 1
"""How long open connections may take to end when the studio closes."""


@dataclass(frozen=True, slots=True)
class Options:
    """Open the studio in a browser: watch, tell, take over, record, train, run."""

    workcell: str = SIMULATED
    """`sim`, the simulated ALOHA; or the TOML file of a real one (`python -m hardware.check`)."""
    host: str = "127.0.0.1"
    """Address to listen on. Whoever can reach it can drive the robot."""
    port: int = 7860
    data: Path = Path("data")
    """Folder of datasets, jobs and the catalogue."""
    catalogue: str | None = None
    """SQLAlchemy URL of the catalogue's database; an SQLite file in the data folder by default."""
    films: str = H264.name
    """How films of new datasets are encoded: h264, av1, or by a device such as h264_nvenc."""
    policy: str | None = None
    """Checkpoint folder, or ws://HOST:PORT of a policy server. In simulation the shipped one by
    default; real arms wait until one is named or chosen."""


def policy_source(options: Options) -> str | None:
    """Return what to drive with at the start, or None for nothing yet."""
    if options.policy is not None or options.workcell != SIMULATED:
        return options.policy
    return str(SHIPPED_CHECKPOINT) if SHIPPED_CHECKPOINT.is_dir() else None


def open_catalogue(options: Options) -> Catalogue:
    """Open the catalogue. Raises `NotReadyError` when its database does not open."""
    try:
        return Catalogue.in_folder(options.data, options.catalogue)
    except ValueError as error:
        raise NotReadyError(f"{error} It is chosen with --catalogue URL.") from error


def film_codec(options: Options) -> Codec:
    """Return how films are encoded. Raises `NotReadyError` when this machine cannot do it."""
    try:
        codec = codec_named(options.films)
        if codec.device:
            require_usable(codec, (480, 640))
    except ValueError as error:
        raise NotReadyError(f"{error} It is chosen with --films.") from error
    return codec


@contextmanager
def opened(options: Options) -> Iterator[FastAPI]:
    """Build every part, and close each again in the opposite order."""
    notices, seat, codec = Notices(), Seat(), film_codec(options)
    with ExitStack() as parts:
        rig = parts.enter_context(opened_rig(options.workcell, notices.add))
        robot, body = rig.robot, rig.robot.embodiment
        recorder, hand_range = Recorder(body), HandRange(body.state_channels)
        catalogue = parts.enter_context(closing(open_catalogue(options)))
        journal = parts.enter_context(closing(Journal(catalogue.data_dir / "safety.jsonl")))
        robot.gate.events.listen(journal)
        book = parts.enter_context(closing(CommandBook(catalogue, notices)))
        training = parts.enter_context(Training(catalogue, JobQueue(catalogue), notices))
        history = History(book)
        drives = DriveLog(recorder, history)
        station = Station(
            robot,
            rig.teleoperator,
            notices,
            history,
            listeners=(recorder, drives, hand_range),
            rearrange=rig.rearrange,
        )
        host = PolicyHost(body, notices, station.stand_by, catalogue.data_dir / "policy_server.log")
        parts.enter_context(closing(host))
        record = parts.enter_context(closing(RecordDesk(recorder, catalogue, drives, codec)))
        by_signal = parts.enter_context(  # left after the station, which may lower the arms
            StopSignal(lambda: station.stop("A signal asked for Stop."))
        )
        parts.enter_context(station)
        viewer = parts.enter_context(Viewer(station, rig.kinematics, rig.things))
        uplink = parts.enter_context(closing(Uplink(station, rig.jogged, seat, host, training)))
        report = Report(station, record, host, seat, rig)
        live = parts.enter_context(Live(station, report, uplink))
        source = policy_source(options)
        if source is not None:
            host.use(source)
        workcell = parts.enter_context(
            closing(WorkcellDesk(station, hand_range, rig, catalogue.data_dir / "workcells"))
        )
        parts.callback(_closing, by_signal)
        yield build_server(
            Desk(
                station,
                record,
                host,
                seat,
                catalogue,
                Episodes(catalogue),
                training,
                viewer,
                workcell,
            ),
            live,
        )


def _closing(by_signal: StopSignal) -> None:
    """From here on a signal stops arms that are lowered, and cuts nothing short."""
    by_signal.also(signal.SIGINT)
    logger.info("Closing. Ctrl-C or kill -USR1 %d stops arms that are being lowered.", os.getpid())


class Server(uvicorn.Server):
    """Ends without a word about the streams that open pages hold, which it cuts on purpose."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


def serve(options: Options, listener: socket.socket) -> None:
    """Run until a signal ends it, then leave everything in order."""
    with opened(options) as server:
        logger.info("VLA Studio is at http://%s:%d", options.host, options.port)
        config = uvicorn.Config(
            server,
            log_level="warning",
            ws_per_message_deflate=False,  # JPEG does not shrink
            timeout_graceful_shutdown=GRACE_SECS,
        )
        Server(config).run(sockets=[listener])


def check(options: Options) -> None:
    """Raise `NotReadyError` when something must be put right before anything is started."""
    if options.workcell != SIMULATED:
        load_workcell(Path(options.workcell))
    elif advice := check_libraries():
        logger.info(advice)
    film_codec(options)
    check_data_dir(options.data)


def _leave(*_: object) -> None:
    """End by an exit that closes what is open, and that a second signal does not cut short."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(options: Options) -> int:
    """Check, then serve. Returns 2, having said why, when a person must put something right."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    sys.setswitchinterval(0.0005)  # a web thread may not keep the control thread waiting
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        check(options)
        serve(options, listen(options.host, options.port))
    except (NotReadyError, HardwareError, WorkcellError) as error:
        logger.error("%s", error)  # noqa: TRY400 - a person reads this, not a traceback
        return 2
    except KeyboardInterrupt:
        logger.info("The studio is closed.")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
