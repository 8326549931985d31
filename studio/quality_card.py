"""What the page shows of how well an episode was recorded: a verdict, figures, hints."""

from typing import Any

from recordings.motion import Motion
from recordings.quality import Quality


def quality_card(quality: Quality | None, motion: Motion, fps: int | float) -> dict[str, Any]:
    """Return it ready for JSON. An episode of another tool has no verdict."""
    figures = [_figure(name, value) for name, value in _figures(quality, motion)]
    return {
        "verdict": quality.verdict if quality else "unknown",
        "reason": quality.reason if quality else "",
        "figures": [figure for figure in figures if figure is not None],
        "hints": motion.hints(fps),
    }


def _figures(quality: Quality | None, motion: Motion) -> list[tuple[str, str | None]]:
    saturated, intervened = motion.saturated_share, motion.intervened_share
    return [
        ("rate", None if quality is None else f"{quality.rate_hz:.1f} Hz"),
        ("jitter", _msecs(motion.jitter_secs)),
        ("late, p99", None if quality is None else _msecs(quality.late_p99_secs)),
        ("skew of cameras", _msecs(motion.skew_secs)),
        ("still at the start", f"{motion.still_start_secs:.1f} s"),
        ("jerk, rms", f"{motion.jerk:.0f} rad/s³"),
        ("saturated", None if saturated is None else f"{saturated:.0%}"),
        ("by intervention", f"{intervened:.0%}" if intervened else None),
        ("ticks missed", None if quality is None else str(quality.missed_ticks)),
        ("pictures dropped", None if quality is None else str(sum(quality.dropped.values()))),
        ("rows not sent", None if quality is None else str(quality.not_sent)),
    ]


def _msecs(secs: float | None) -> str | None:
    return None if secs is None else f"{secs * 1e3:.1f} ms"


def _figure(name: str, value: str | None) -> dict[str, str] | None:
    return None if value is None else {"name": name, "value": value}
