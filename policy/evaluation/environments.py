"""Every benchmark by the name that `--env` has for it."""

from policy.evaluation.aloha_sim import AlohaSim
from policy.evaluation.environment import Environment
from policy.evaluation.gym_aloha import GymAloha
from policy.evaluation.request import Rules

ALOHA_SIM = "aloha_sim"
GYM_ALOHA = "gym_aloha"


def open_environment(env: str, rules: Rules) -> tuple[Environment, tuple[str, ...]]:
    """Return the environment of `env`, and the tasks of it that are named, if any are.

    `env` is the name of an environment, or tasks of one with commas between. Opens no world yet.
    Raises `ValueError` listing what there is.
    """
    environment = _environment(env, rules)
    if env in (ALOHA_SIM, GYM_ALOHA):
        return environment, ()
    named = tuple(dict.fromkeys(env.split(",")))
    for name in named:
        environment.require_known(name)
    return environment, named


def _environment(env: str, rules: Rules) -> Environment:
    return GymAloha(rules) if env.startswith(GYM_ALOHA) else AlohaSim(rules)
