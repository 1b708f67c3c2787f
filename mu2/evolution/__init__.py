"""The decisions of evolution: which parent, which mutation, who survives. No arrays in here.

`engine` asks them in the order of a run: `seeds` and `selection` for a parent, `mutation` for the
plan of a child, `scoring` for its score. A rule of mutation is an attribute of `Mutation`; where
it changes hyperparameters `mutation` follows it, where it changes layers `origin`.
"""

from mu2.evolution.budget import Budget
from mu2.evolution.evolution import Evolution
from mu2.evolution.path import Component, Path
from mu2.evolution.plan import Plan, PlannedComponent
from mu2.evolution.population import Population
from mu2.evolution.rules import Mutation
from mu2.evolution.scoring import Scoring
from mu2.evolution.space import Choices, Hyperparameters, Ranges, SearchSpace
from mu2.evolution.stopping import Halving

__all__ = [
    "Budget",
    "Choices",
    "Component",
    "Evolution",
    "Halving",
    "Hyperparameters",
    "Mutation",
    "Path",
    "Plan",
    "PlannedComponent",
    "Population",
    "Ranges",
    "Scoring",
    "SearchSpace",
]
