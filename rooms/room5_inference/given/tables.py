"""What `right` found, as a person reads it."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from shared.contracts.benches.model import ForecastScore, Score
from shared.contracts.messages import Alert
from shared.language import _

from ..evaluation import BASELINES
from ..scoring import expected_precision
from .right import Stretch

KINDS = ("spike", "stuck", "dropout", "skew", "drift", "deviation")


def alert_line(alert: Alert) -> str:
    """Return an alert in one line."""
    value = "" if alert.value is None else f"{alert.value:.1f}"
    expected = "" if alert.expected is None else f"({alert.expected:.1f})"
    moment = f"{alert.opened_at:%Y-%m-%d %H:%M}"
    return f"{moment}  {alert.severity:8} {alert.kind:9} {alert.sensor_id:16} {value} {expected}"


def show_stretch(console: Console, title: str, found: Stretch) -> None:
    """Print the alerts of a stretch without injected faults, and what they mean."""
    console.rule(title)
    for alert in found.alerts:
        console.print(alert_line(alert), highlight=False, soft_wrap=True)
    real = found.real_error
    at = _("missed") if real is None else f"{real.opened_at:%Y-%m-%d %H:%M} UTC"
    console.print(_("the real error at JFK (2013-05-09 02:00 UTC): {at}").format(at=at))
    console.print(
        _("alerts on the sea breezes of 30 May to 3 June: {count}").format(
            count=len(found.sea_breezes)
        )
    )
    console.print(
        _("false alerts: {count} in {months:.0f} station months, {rate:.2f} each").format(
            count=len(found.false), months=found.months, rate=len(found.false) / found.months
        )
    )


def show_scores(console: Console, title: str, scores: Mapping[tuple[str, str], Score]) -> None:
    """Print recall and precision an event, by kind and by type."""
    table = Table(title=title)
    for name in (_("kind"), _("type"), _("events"), _("recall"), _("alerts"), _("precision")):
        table.add_column(name, justify="right" if name not in {_("kind"), _("type")} else "left")
    for kind in KINDS:
        rows = {types: score for (types, its), score in scores.items() if its == kind}
        if rows:
            table.add_row(kind, _("all"), *cells(total(rows.values())), style="bold")
            for types, score in rows.items():
                table.add_row("", types, *cells(score))
    everything = total(scores.values())
    table.add_row(_("all"), _("all"), *cells(everything), style="bold")
    console.print(table)


def show_price(console: Console, scores: Iterable[Score], months: float) -> None:
    """Print what the false alarms cost where faults are as rare as they really are."""
    everything = total(scores)
    false = (everything.alerts - everything.true_alerts) / months
    for rate, words in ((1.0, _("a fault a month")), (1 / 12, _("a fault a year"))):
        share = expected_precision(everything.recall, rate, false)
        line = _("with {words} at a station, {share:.0%} of its alerts are true")
        console.print(line.format(words=words, share=share))


def show_forecasts(console: Console, scores: Mapping[str, ForecastScore]) -> None:
    """Print the forecast's mean error, its skill and its coverage, by type."""
    table = Table(title=_("forecast, hours 1 to 24, October to December, trained before"))
    for name in ("", *scores):
        table.add_column(name, justify="right" if name else "left")
    errors = [f"{score.errors['model'].mean():.2f}" for score in scores.values()]
    table.add_row(_("mean absolute error"), *errors)
    for baseline in BASELINES:
        skills = [f"{score.skill(baseline):.3f}" for score in scores.values()]
        table.add_row(_("skill over {baseline}").format(baseline=baseline), *skills)
    covers = [score.coverage for score in scores.values()]
    table.add_row(_("90 % interval covers"), *(f"{cover.mean():.1%}" for cover in covers))
    lowest = [f"{cover.min():.1%} – {cover.max():.1%}" for cover in covers]
    table.add_row(_("of the hours, least and most"), *lowest)
    console.print(table)


def total(scores: Iterable[Score]) -> Score:
    """Return all scores together."""
    return sum(scores, Score())


def cells(score: Score) -> list[str]:
    """Return a score's columns."""
    return [
        str(score.events),
        f"{score.recall:.3f}" if score.events else "",
        str(score.alerts),
        f"{score.precision:.3f}" if score.alerts else "",
    ]
