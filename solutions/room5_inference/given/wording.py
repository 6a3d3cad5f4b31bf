"""What a person reads of an alert, and how findings are written in the pipeline's messages."""

from datetime import datetime

from shared.contracts.benches.model import Incident
from shared.contracts.identifiers import from_milliseconds
from shared.contracts.messages import Alert, Forecast
from shared.language import _

from ..features import Values
from .samples import Sample


def reason(kind: str, strength: float) -> str:
    """Return a sentence for `kind`: what was seen, and how sure that is."""
    sentences = {
        "spike": _("jumped as neither its past nor its neighbours explain"),
        "stuck": _("repeats one value for longer than is likely here"),
        "dropout": _("is silent for longer than is likely here"),
        "skew": _("its clock is off, against its own rhythm or the others"),
        "drift": _("moved away from its neighbours and doesn't come back"),
        "deviation": _("a whole day unlike the days before"),
    }
    return _("{what}; evidence {strength:.1f} times the threshold").format(
        what=sentences[kind], strength=strength
    )


def alert_of(
    names: tuple[str, str, str],
    incident: Incident,
    sample: Sample | None,
    expected: float | None,
) -> Alert:
    """Return the alert that tells of `incident`; `sample` is the reading that opened it."""
    silent = sample is None or incident.kind == "dropout"
    resolved = incident.resolved_ms
    return Alert(
        incident.alert_id,
        *names,
        incident.kind,
        incident.severity,
        from_milliseconds(incident.opened_ms),
        None if resolved is None else from_milliseconds(resolved),
        None if sample is None or silent else sample.value,
        expected,
        round(incident.peak, 6),
        reason(incident.kind, incident.peak),
        None if sample is None or silent else sample.message_id,
        0 if sample is None or silent else sample.position,
        None if sample is None or silent else sample.traceparent,
    )


def forecasts_of(
    names: tuple[str, str, str],
    issued_at: datetime,
    targets: list[datetime],
    tables: tuple[Values, Values],
    version: str,
) -> list[Forecast]:
    """Return a forecast a target; `tables` are values and radii, (horizons,), NaN says nothing."""
    values, radii = tables
    return [
        Forecast(*names, issued_at, target, value, value - radius, value + radius, version)
        for target, value, radius in zip(targets, values.tolist(), radii.tolist(), strict=False)
        if value == value and radius == radius  # noqa: PLR0124 - NaN is the number unlike itself
    ]
