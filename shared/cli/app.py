"""The verbs, joined into one command line; only the module of the verb asked for is loaded."""

import importlib
import importlib.util
import sys
from typing import NamedTuple

import typer

from shared.cli.failure import Failure
from shared.language import _

_INTERRUPTED = 130


class Verb(NamedTuple):
    """Where a verb is, and what it does in a line. Its module's `register(app)` adds it."""

    module: str
    summary: str


def verbs() -> dict[str, Verb]:
    """Return the verbs of this edition by name, in the order of the help; some lack some."""
    return {name: verb for name, verb in all_verbs().items() if _is_here(verb.module)}


def all_verbs() -> dict[str, Verb]:
    """Return the verbs of the whole course by name.

    The line for the help stands here, so that showing it loads no verb.
    """
    known = {
        "up": Verb("up", _("Start the pipeline: sensors, MQTT, API, storage, model, alerts.")),
        "down": Verb("down", _("Drain and stop the running pipeline.")),
        "status": Verb("status", _("Show the parts of the pipeline and what flowed so far.")),
        "logs": Verb("logs", _("Show the last lines of the parts' logs.")),
        "run": Verb("running", _("Start one room alone, yours or the reference.")),
        "check": Verb("grader.cli.checking", _("Check your rooms, or one task: check 1.2.")),
        "watch": Verb("grader.cli.checking", _("Check a room again whenever you save.")),
        "hint": Verb("grader.cli.hinting", _("The next of three hints for a task: hint 1.2.")),
        "map": Verb("grader.cli.atlas", _("Your rooms, your points, and what to do next.")),
        "mystery": Verb("grader.cli.mystery", _("Find the mistake in a pipeline that runs.")),
        "submit": Verb("grader.cli.handing", _("Make the zip to hand in.")),
        "reset": Verb(
            "grader.cli.handing", _("Begin a room anew; what you have is kept beside it.")
        ),
        "ban": Verb("ban", _("Shut a device out, or let it in again with --lift.")),
        "update": Verb("update", _("Bring in a newer edition; your work stays.")),
        "dead": Verb("dead", _("Messages that were refused: list, show, replay.")),
        "trace": Verb("trail", _("Show one reading from sensor to alert, with its times.")),
        "bench": Verb("bench", _("Measure the pipeline beside a bare pair of MQTT clients.")),
        "grade": Verb("grader.cli.grading", _("Grade a class: folders, zips, downloads.")),
        "release": Verb("grader.cli.releasing", _("Make the student edition.")),
        "stats": Verb("grader.cli.reading", _("A class by task: tried, reached, what fails most.")),
        "changes": Verb("grader.cli.reading", _("What differs between two results.json.")),
        "verify": Verb(
            "grader.cli.proving", _("Prove the checks: references, variants, mistakes.")
        ),
        "test": Verb("testing", _("Run every check, and say what was left out.")),
        "sync": Verb("sync", _("Bring the starters up to date with the solutions.")),
        "pins": Verb("pins", _("Make requirements/ from pyproject.toml.")),
    }
    return {
        name: verb if "." in verb.module else verb._replace(module=f"shared.cli.{verb.module}")
        for name, verb in known.items()
    }


def _is_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it
        return False


def main() -> None:
    """Run the verb on the command line and exit with its code."""
    try:
        app = assembled(sys.argv[1:])
        app(prog_name="./academy")
    except Failure as failure:
        sys.stderr.write(f"academy: {failure}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def assembled(arguments: list[str]) -> typer.Typer:
    """Return the command line with the verb of `arguments`, or an overview of all.

    Raises Failure for a verb that only the whole course has.
    """
    app = typer.Typer(
        name="academy",
        help=_("Seven rooms, one pipeline. Start with: ./academy up"),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # A command line with a callback keeps its verbs' names even when only one is loaded.
    app.callback()(_nothing)
    known = verbs()
    if arguments and arguments[0] in known:
        importlib.import_module(known[arguments[0]].module).register(app)
        return app
    if arguments and arguments[0] in all_verbs():
        raise Failure(
            _(
                "this is a student edition: {verb} needs the references and hidden checks,"
                " which the course's instructors have."
            ).format(verb=arguments[0])
        )
    for name, verb in known.items():
        app.command(name, help=verb.summary)(_nothing)
    return app


def _nothing() -> None:
    """Stand where a verb will be."""
