"""One page a student, for any browser: no script, nothing from elsewhere, all text escaped."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from grader.plugin import feedback
from grader.verdicts import Outcome
from shared.language import _, languages

from .platforms import read

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8888; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { padding: .6rem; border-left: .3rem solid #888; }
"""


def page(results: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """Return a student's page: points by room and task, feedback on what isn't there yet."""
    parts = [f"<h1>{escape(one['student'])}</h1>", f"<p>{escape(_summary(results, one))}</p>"]
    parts += [f"<p>{escape(remark)}</p>" for remark in one["remarks"]]
    for room, grade in one["rooms"].items():
        parts += _room(results["rooms"][room], room, grade)
    return _document(one["student"], "\n".join(parts))


def overview(results: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return the instructor's page: a line a student, each a link to their page."""
    rooms = list(results["rooms"])
    head = [_("Student"), *rooms, _("Points")]
    cells = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    rows = []
    for one in results["students"]:
        link = f'<a href="{escape(names[one["student"]])}">{escape(one["student"])}</a>'
        points = [one["rooms"][room]["counted"] if room in one["rooms"] else "" for room in rooms]
        texts = ["–" if p is None else str(p) for p in [*points, one["points"]]]
        cells_of = "".join(f'<td class="n">{escape(text)}</td>' for text in texts)
        rows.append(f'<tr><th scope="row">{link}</th>{cells_of}</tr>')
    about = _("Seed {seed}; {isolation}.").format(**_about_run(results))
    title = _("Grades")
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return _document(title, f"<h1>{escape(title)}</h1><p>{escape(about)}</p>{table}")


def _summary(results: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    text = _("{points} points. Graded by seed {seed}; {isolation}.")
    return text.format(points=f"{one['points']:g}", **_about_run(results))


def _about_run(results: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(results[name]) for name in ("seed", "isolation")}


def _room(tasks: Mapping[str, Any], room: str, grade: Mapping[str, Any]) -> list[str]:
    counted = grade["counted"]
    points = _("not judged") if counted is None else f"{counted:g} / 100"
    parts = [f"<h2>{escape(room)}: {escape(points)}</h2>"]
    if grade["lost"]:
        text = _("{lost} points of these were lost to lateness: days late, {days}.")
        lost = text.format(lost=f"{grade['lost']:g}", days=grade["days_late"])
        parts.append(f"<p>{escape(lost)}</p>")
    parts += [f"<p>{escape(remark)}</p>" for remark in grade["remarks"]]
    if grade["tasks"]:
        parts.append(_table(tasks, grade))
    verdicts = [read(written) for written in grade["verdicts"]]
    left = [verdict for verdict in verdicts if verdict.outcome is not Outcome.PASSED]
    if left:
        parts.append(f"<h3>{escape(_('What isn’t there yet'))}</h3>")
    parts += [f"<pre>{escape(feedback(verdict))}</pre>" for verdict in left]
    return parts


def _table(tasks: Mapping[str, Any], grade: Mapping[str, Any]) -> str:
    head = f'<th scope="col">{escape(_("Task"))}</th>'
    head += f'<th scope="col" class="n">{escape(_("Points"))}</th>'
    rows = [
        f'<tr><th scope="row">{escape(task)} {escape(about["title"])}</th>'
        f'<td class="n">{grade["tasks"][task]:g} / {about["points"]:g}</td></tr>'
        for task, about in tasks.items()
        if task in grade["tasks"]
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _document(title: str, body: str) -> str:
    language = (languages() or ["en"])[0][:2]
    known = language if language.isalpha() else "en"
    return (
        f'<!doctype html>\n<html lang="{known}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
