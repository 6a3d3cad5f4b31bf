"""Room 3, ingestion: a door that says why."""

from .fields import moment_from, number_from
from .given.app import build
from .limits import DeviceBudget, body_of
from .normalisation import modernise, normalise
from .plausibility import refuse_absurd
from .problems import problem
from .readings_in import examine
from .units import to_canonical

__all__ = [
    "DeviceBudget",
    "body_of",
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
