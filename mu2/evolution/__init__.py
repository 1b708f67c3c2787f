"""The decisions of evolution: which parent, which mutation, who survives. No arrays in here."""

from mu2.evolution.engine import Evolution
from mu2.evolution.mutation import Mutation, Plan, PlannedComponent
from mu2.evolution.path import Component, Path
from mu2.evolution.population import Population
from mu2.evolution.scoring import Scoring
from mu2.evolution.space import Choices, Hyperparameters, Ranges, SearchSpace

__all__ = [
    "Choices",
    "Component",
    "Evolution",
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
