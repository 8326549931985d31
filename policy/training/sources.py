"""What a request names, opened: every part of its mixture, and the bodies that it speaks of."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hardware.aloha import aloha_embodiment
from hardware.bodies import body_named
from hardware.embodiment import Embodiment
from policy.data.answers import form_for
from policy.data.augmentation import Augmentation
from policy.data.demonstrations import Demonstrations, Trajectories, Variation
from policy.data.file_questions import FileQuestions
from policy.data.item import Source
from policy.data.mixture import Part
from policy.data.paraphrases import Paraphraser
from policy.data.places import ScenePlaces
from policy.data.samples import Samples, load_samples
from policy.data.scene_questions import SceneQuestions
from policy.data.scenes import load_scenes
from policy.model.action_space import NormStats, Quantiles
from policy.model.checkpoint import Body
from policy.model.conventions import AS_BODY, convention_for
from policy.training.request import Ingredient, TrainRequest
from policy.training.start import Start

logger = logging.getLogger(__name__)

MEASURED = 4000
"""Chunks looked at for the quantiles of a convention that depends on the state."""

DEMONSTRATED = ("actions", "trajectories")
"""Kinds of which there are demonstrations."""


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
        still = Augmentation().in_place().scaled(request.augment)
        self._still = still
        self._moving = replace(still, crop=request.crop)

    def open(self) -> Opened:
        """Demonstrations first, for those of one body are normalised alike."""
        asked = self._request.ingredients
        loaded = {n: self._samples(n, part) for n, part in enumerate(asked) if _shown(part)}
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

    def _samples(self, number: int, part: Ingredient) -> Samples:
        given = None if part.embodiment is None else _body(part.embodiment)
        sizes = {} if part.kind == "trajectories" else self._config.image_sizes
        samples = load_samples(
            *(Path(str(part.dataset)), sizes, self._cache / f"{number}"),
            embodiment=given,
            renamed=part.cameras,
        )
        base = self._begun.base
        if base is not None:
            known = {body.embodiment.name: body.embodiment for body in base.bodies}
            body = known.get(samples.embodiment.name, base.embodiment)
            differences = body.differences(samples.embodiment)
            if differences and (part.kind != "trajectories" or len(known) == 1):
                raise ValueError(
                    f"The base checkpoint drives another body than {part.dataset}: "
                    f"{'; '.join(differences)}."
                )
        return samples

    def _bodies(self, given: Sequence[tuple[Ingredient, Samples]]) -> dict[str, Body]:
        base = self._begun.base
        known = {} if base is None else {body.embodiment.name: body for body in base.bodies}
        found: dict[str, Body] = {}
        for part, samples in given:
            name = samples.embodiment.name
            state, action = self._measured(part, samples)
            earlier = found.get(name) or known.get(name)
            if earlier is not None and earlier.tasks:
                stats = earlier.norm_stats.widened(state, action)
            else:
                stats = NormStats(Quantiles.of(state), Quantiles.of(action))
            tasks = (*samples.tasks, *(earlier.tasks if earlier is not None else ()))
            body = samples.embodiment.with_cameras(self._looked_at(samples.embodiment))
            found[name] = Body(body, stats, tuple(dict.fromkeys(tasks)))
        every = found | {name: body for name, body in known.items() if name not in found}
        return every or {body.embodiment.name: body for body in [self._nobody()]}

    def _looked_at(self, body: Embodiment) -> tuple[str, ...]:
        return tuple(name for name in self._config.image_sizes if name in body.camera_names)

    def _nobody(self) -> Body:
        """The simulated ALOHA before anything was learnt of it: limits in place of statistics."""
        body = aloha_embodiment(tuple(self._config.image_sizes))
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
        convention = convention_for(self._config.action_convention, samples.embodiment)
        rng = np.random.default_rng(0)
        picked = rng.permutation(samples.driven)[:MEASURED]
        rows = [
            convention.encode(
                samples.chunk(int(row), self._config.horizon, self._config.action_hz),
                samples.state[row],
            )
            for row in picked
        ]
        return state, np.concatenate(rows)

    def _demonstrations(
        self, part: Ingredient, samples: Samples, bodies: dict[str, Body]
    ) -> Source:
        folder = Path(str(part.dataset))
        kind = Trajectories if part.kind == "trajectories" else Demonstrations
        return kind(
            folder.name,
            samples,
            bodies[samples.embodiment.name].norm_stats,
            self._config,
            Variation(
                self._moving,
                Paraphraser.of_dataset(folder, share=self._request.paraphrase).draw,
                self._request.state_noise,
            ),
        )

    def _simulated(self, part: Ingredient, bodies: dict[str, Body]) -> Source:
        """Questions of a folder, or what simulated scenes teach."""
        config, cell = self._config, self._begun.processor.cell
        if part.dataset is not None:
            height, width = next(iter(config.image_sizes.values()))
            return FileQuestions(
                Path(part.dataset), pixels=height * width, cell=cell, augmentation=self._still
            )
        scenes = load_scenes(
            self._cache / "scenes.npz", self._request.scenes or 6000, config.image_sizes, cell
        )
        if part.kind == "questions":
            return SceneQuestions(
                scenes,
                form=form_for(config.preset),
                augmentation=self._still,
                seed=self._request.seed,
            )
        body = next(iter(bodies.values())).embodiment
        return ScenePlaces(scenes, body, config, cell, self._still)


def _shown(part: Ingredient) -> bool:
    if part.kind in DEMONSTRATED and part.dataset is None:
        raise ValueError(f"A part of kind {part.kind!r} needs a dataset.")
    if part.kind == "grounding" and part.dataset is not None:
        raise ValueError("Grounding is about simulated scenes; leave its dataset out.")
    return part.kind in DEMONSTRATED


def _relative(body: Embodiment) -> bool:
    return not body.action_convention.startswith("absolute")


def _body(given: str) -> Embodiment:
    path = Path(given)
    return Embodiment.load(path) if path.suffix == ".json" else body_named(given)
