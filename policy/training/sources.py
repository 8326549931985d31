"""What a request names, opened: every part of its mixture, and the bodies that it speaks of."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hardware.aloha import CAMERAS, aloha_embodiment
from hardware.bodies import body_named
from hardware.embodiment import Embodiment
from policy.data.answers import form_for
from policy.data.augmentation import Augmentation
from policy.data.demonstrations import Demonstrations, Trajectories, Variation
from policy.data.file_questions import FileQuestions
from policy.data.gripper_paths import GripperPaths, is_demonstrations
from policy.data.item import Source
from policy.data.joined import Joined
from policy.data.midway_places import MidwayPlaces, load_midways
from policy.data.mixture import Part
from policy.data.moved_pictures import MovedPictures
from policy.data.paraphrases import Paraphraser
from policy.data.pieces import ScenePieces
from policy.data.places import ScenePlaces
from policy.data.samples import Samples, load_samples
from policy.data.scene_questions import REPEATS, SceneQuestions
from policy.data.scenes import load_scenes
from policy.data.strange_words import StrangeWords
from policy.data.touches import touches_of
from policy.first_look import camera_of
from policy.model.action_space import NormStats, Quantiles
from policy.model.checkpoint import Body
from policy.model.config import Pace
from policy.model.conventions import AS_BODY, convention_for
from policy.training.request import DEMONSTRATED, Ingredient, TrainRequest
from policy.training.start import Start

logger = logging.getLogger(__name__)

MEASURED = 4000
"""Chunks looked at for the quantiles of a convention that depends on the state."""

WORDINGS, MOST_WORDINGS = 48, 2000
"""Other wordings of each instruction that a checkpoint remembers when it was trained on such, and
about how many of all instructions together."""

SIMULATED = aloha_embodiment().name
"""The body that simulated scenes show."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A request's mixture, and what a checkpoint must know of it."""

    parts: tuple[Part, ...]
    bodies: tuple[Body, ...]
    """Every body that is known; the first is the one driven by default."""


class Opener:
    """Opens the parts of one request. Every method raises `ValueError` naming what is wrong."""

    def __init__(self, request: TrainRequest, begun: Start, cache: Path) -> None:
        self._request, self._begun, self._cache = request, begun, cache
        self._config = begun.model.config
        # Contexts that are stored once would keep one chance look and wording for good.
        varied = not request.freeze_backbone
        self._still = Augmentation().in_place().scaled(request.augment * varied)
        self._moving = replace(self._still, crop=request.crop * varied)
        self._reworded = request.paraphrase * varied
        self._strange = request.strange_words * varied
        self._drives = request.action_weight > 0 and "decoder" not in request.freeze
        """Whether actions are learnt: else no instruction is one that can be driven by."""
        told = begun.model.config.state == "text"
        self._state_noise = 0.0 if told and not varied else request.state_noise

    def open(self) -> Opened:
        """Demonstrations first, for those of one body are normalised alike."""
        asked = self._request.ingredients
        loaded = {n: self._samples(part) for n, part in enumerate(asked) if _shown(part)}
        self._set_paces([(asked[n], samples) for n, samples in loaded.items()])
        bodies = self._bodies([(asked[n], samples) for n, samples in loaded.items()])
        parts = []
        for number, part in enumerate(asked):
            source = (
                self._demonstrations(part, loaded[number], bodies)
                if number in loaded
                else self._simulated(part, bodies)
            )
            logger.info("%s: %d %s, weight %g", source.name, len(source), part.kind, part.weight)
            parts.append(Part(source, part.weight))
        return Opened(tuple(parts), tuple(bodies.values()))

    def _samples(self, part: Ingredient) -> Samples:
        given, folder = None, Path(str(part.dataset))
        if part.embodiment is not None:
            given = _body(part.embodiment)
        sizes = {} if part.kind == "trajectories" else self._config.image_sizes
        samples = load_samples(
            *(folder, sizes, self._cache / folder.resolve().name),
            embodiment=given,
            renamed=part.cameras,
            keep_all=part.keep_all,
        )
        base = self._begun.base
        known = {} if base is None else {b.embodiment.name: b.embodiment for b in base.bodies}
        name = samples.embodiment.name
        differences = known[name].differences(samples.embodiment) if name in known else []
        if differences:
            raise ValueError(
                f"The base checkpoint knows {name!r} otherwise than {part.dataset}: "
                f"{'; '.join(differences)}."
            )
        if known and name not in known:
            logger.info("The base does not know the body %r; it joins %s.", name, list(known))
        return samples

    def _set_paces(self, given: Sequence[tuple[Ingredient, Samples]]) -> None:
        """Let the network's config say at which rate and length each body's chunks are."""
        config, paces = self._config, dict(self._config.paces)
        for part, samples in given:
            name, usual = samples.embodiment.name, config.pace(samples.embodiment.name)
            pace = Pace(part.action_hz or usual.hz, part.horizon or usual.rows)
            learnt = self._begun.base is not None and name in {
                body.embodiment.name for body in self._begun.base.bodies if body.tasks
            }
            if pace.rows > config.horizon or (learnt and pace != usual):
                raise ValueError(
                    f"Chunks of {name!r} in {part.dataset} are {pace.rows} rows at {pace.hz:g} Hz; "
                    f"the network plans at most {config.horizon} rows"
                    + (f" and learnt {usual.rows} at {usual.hz:g} Hz." if learnt else ".")
                )
            if pace != Pace(config.action_hz, config.horizon):
                paces[name] = pace
        self._config = replace(config, paces=paces)
        self._begun.model.config = self._config

    def _bodies(self, given: Sequence[tuple[Ingredient, Samples]]) -> dict[str, Body]:
        base = self._begun.base
        known = {} if base is None else {body.embodiment.name: body for body in base.bodies}
        found: dict[str, Body] = {}
        for part, samples in given:
            name = samples.embodiment.name
            state, action = self._measured(part, samples)
            earlier = found.get(name) or known.get(name)
            if earlier is not None and (name in found or earlier.tasks):
                stats = earlier.norm_stats.widened(state, action)
            else:
                stats = NormStats(Quantiles.of(state), Quantiles.of(action))
            said = self._also_said(Path(str(part.dataset)), samples.tasks)
            learnt = (*samples.tasks, *said) if self._drives else ()
            tasks = (*learnt, *(earlier.tasks if earlier is not None else ()))
            body = samples.embodiment.with_cameras(self._looked_at(samples.embodiment))
            found[name] = Body(body, stats, tuple(dict.fromkeys(tasks)))
        every = found | {name: body for name, body in known.items() if name not in found}
        return every or {body.embodiment.name: body for body in [self._nobody()]}

    def _also_said(self, folder: Path, tasks: Sequence[str]) -> list[str]:
        """Other wordings that are trained, so that driving knows their words."""
        if not self._reworded:
            return []
        reword, rng = Paraphraser.of_dataset(folder, share=1.0), np.random.default_rng(0)
        each = max(1, min(WORDINGS, MOST_WORDINGS // max(1, len(tasks))))
        return [reword.draw(task, rng) for task in tasks for _ in range(each)]

    def _looked_at(self, body: Embodiment) -> tuple[str, ...]:
        return tuple(name for name in self._config.image_sizes if name in body.camera_names)

    def _nobody(self) -> Body:
        """The simulated ALOHA before anything was learnt of it: limits in place of statistics."""
        body = aloha_embodiment([name for name in self._config.image_sizes if name in CAMERAS])
        limits = Quantiles(body.action_low, body.action_high)
        return Body(body, NormStats(limits, limits), ())

    def _measured(self, part: Ingredient, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
        """Rows of state and of predicted actions, to normalise by."""
        state, action = samples.state[samples.driven], samples.action[samples.driven]
        if not len(state):
            raise ValueError(f"Nobody drove in any episode of {part.dataset}.")
        still = np.flatnonzero(np.ptp(action, axis=0) == 0)
        if len(still):
            names = [samples.embodiment.action_channels[n].name for n in still]
            logger.warning("%s: %s never move; learnt as constants.", part.dataset, names)
        if self._config.action_convention == AS_BODY and not _relative(samples.embodiment):
            return state, action
        config = self._config
        convention = convention_for(config.action_convention, samples.embodiment)
        pace = config.pace(samples.embodiment.name)
        rng = np.random.default_rng(0)
        if part.kind == "trajectories":
            picked = rng.permutation(len(samples.episodes))[:MEASURED]
            given = (
                (samples.trajectory(int(n), pace.hz, Trajectories.limit)[0], n) for n in picked
            )
            rows = [
                convention.encode(rows, samples.state[samples.episodes[n].start])
                for rows, n in given
            ]
        else:
            rows = [
                convention.encode(samples.chunk(int(row), pace.rows, pace.hz), samples.state[row])
                for row in rng.permutation(samples.driven)[:MEASURED]
            ]
        return state, np.concatenate(rows)

    def _demonstrations(
        self, part: Ingredient, samples: Samples, bodies: dict[str, Body]
    ) -> Source:
        folder = Path(str(part.dataset))
        kind = Trajectories if part.kind == "trajectories" else Demonstrations
        touches = None
        camera, (height, width) = next(iter(self._config.image_sizes.items()))
        cell = self._begun.processor.cell
        grid = height // cell, width // cell
        labelled = self._request.touch_weight or self._request.correct_pointing
        if (labelled and part.kind == "actions") or part.kind == "grounding":
            touches = touches_of(samples, camera), grid
        reword = Paraphraser.of_dataset(folder, share=self._reworded).draw
        source = kind(
            folder.name,
            samples,
            bodies[samples.embodiment.name].norm_stats,
            self._config,
            Variation(self._moving, StrangeWords(self._strange, reword).draw, self._state_noise),
            touches,
        )
        return MovedPictures(source, grid) if part.kind == "grounding" else source

    def _simulated(self, part: Ingredient, bodies: dict[str, Body]) -> Source:
        """Questions of a folder or about demonstrations, or what simulated scenes teach."""
        config, cell = self._config, self._begun.processor.cell
        form = form_for(config.preset)
        if part.dataset is not None:
            camera, (height, width) = next(iter(config.image_sizes.items()))
            folder = Path(part.dataset)
            if is_demonstrations(folder):
                return GripperPaths.of_dataset(
                    *(folder, camera, (height, width)),
                    form=form,
                    augmentation=self._still,
                    keep_all=part.keep_all,
                )
            return FileQuestions(folder, pixels=height * width, cell=cell, augmentation=self._still)
        views = {v: size for v, size in config.image_sizes.items() if camera_of(v) in CAMERAS}
        sizes = {name: size for name, size in views.items() if name in CAMERAS}
        if not sizes:
            raise ValueError(
                f"Scenes are of the simulated ALOHA, with cameras {list(CAMERAS)}; the network "
                f"looks at {list(config.image_sizes)}."
            )
        first, camera = next(iter(config.image_sizes)), next(iter(sizes))
        if config.first_picture_last and first != camera:
            raise ValueError(
                f"With first_picture_last, scenes must show the network's first camera: that is "
                f"{first!r}, and of the simulated ALOHA's it is {camera!r}. Name {camera!r} first."
            )
        scenes = load_scenes(self._cache / "scenes.npz", self._request.scenes or 6000, sizes, cell)
        if self._request.stage == "seeing":
            return ScenePieces(scenes, self._still)
        if part.kind == "questions":
            return SceneQuestions(
                scenes,
                form=form,
                augmentation=self._still,
                seed=self._request.seed,
                repeats=REPEATS,
            )
        body = bodies[SIMULATED].embodiment if SIMULATED in bodies else aloha_embodiment()
        vary = self._still, StrangeWords(self._strange).draw
        places = ScenePlaces(scenes, body, config, *vary)
        if not self._request.midway:
            return places
        midways = load_midways(self._cache / "midway", self._request.midway, views)
        reword = StrangeWords(self._strange, Paraphraser(share=self._reworded).draw).draw
        under_way = MidwayPlaces(midways, body, config, cell, (self._still, reword))
        return Joined("scenes", (places, under_way))


def _shown(part: Ingredient) -> bool:
    """Whether it is about demonstrations' own pictures or trajectories."""
    if part.kind in DEMONSTRATED and part.dataset is None:
        raise ValueError(f"A part of kind {part.kind!r} needs a dataset.")
    return part.kind in DEMONSTRATED or (part.kind == "grounding" and part.dataset is not None)


def _relative(body: Embodiment) -> bool:
    return not body.action_convention.startswith("absolute")


def _body(given: str) -> Embodiment:
    path = Path(given)
    return Embodiment.load(path) if path.suffix == ".json" else body_named(given)
