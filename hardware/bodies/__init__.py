"""The bodies of the Qwen-VLA paper as embodiment files, by name. Drives none of them.

Stated by the paper (Table 2): which robots, how many arms, in which action conventions; of
navigation three numbers a waypoint, of people 16 a hand.
Inferred: that the prompt's robot tag is the name in that table; that `waist` and `mobile_base` say
what a body has even where no channel drives it; channels and rates of public datasets (Bridge V2
5 Hz, RT-1 3, DROID 15, RoboCasa GR-1 20, Mobile ALOHA 50, AgiBot World and EgoDex 30, Galaxea 15,
RoboCOIN's MMK2 30 and 36 channels); 2 Hz of waypoints from the 2 Hz of the navigation video.
From data sheets: joint limits and speeds of Franka, joint limits of ALOHA's ViperX arms.
Ours, wide enough to hold any such robot: every other range, rate and picture size; 30 Hz of dual
Franka, ARX5 and TienKung; the names of cameras; six numbers for a hand of AgiBot or TienKung; and
that targets are absolute poses of grippers in the base frame of their arm, from which a network's
displacements are taken.

A lab puts the numbers of its own robot in their place before driving one: the ranges are what the
safety gate holds a robot to.
"""

from pathlib import Path

from hardware.embodiment import Embodiment

FOLDER = Path(__file__).parent


def body_names() -> tuple[str, ...]:
    """Every body there is a file of, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def body_named(name: str) -> Embodiment:
    """The body of that name. Raises `ValueError` naming the known ones."""
    if name not in body_names():
        raise ValueError(f"No body is named {name!r}. Known: {', '.join(body_names())}.")
    return Embodiment.load(FOLDER / f"{name}.json")
