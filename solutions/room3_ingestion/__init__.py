"""Room 3, ingestion: a door that says why."""

from .app import build
from .limits import DeviceBudget
from .normalisation import modernise, normalise, to_canonical
from .problems import problem
from .readings_in import examine, moment_from, number_from, refuse_absurd

__all__ = [
    "DeviceBudget",
    "build",
    "examine",
    "modernise",
    "moment_from",
    "normalise",
    "number_from",
    "problem",
    "refuse_absurd",
    "to_canonical",
]
