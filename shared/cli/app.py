"""The verbs, joined into one command line; only the module of the verb asked for is loaded."""

import importlib
import importlib.util
import sys

import typer

from shared.cli.failure import Failure
from shared.language import _

# Verb to module. A module's `register(app)` adds one verb or several. An edition may lack some.
VERBS = {
    "up": "shared.cli.up",
    "down": "shared.cli.down",
    "status": "shared.cli.status",
    "logs": "shared.cli.logs",
    "run": "shared.cli.running",
    "dead": "shared.cli.dead",
    "trace": "shared.cli.trail",
    "bench": "shared.cli.bench",
    "test": "shared.cli.testing",
    "sync": "shared.cli.sync",
    "pins": "shared.cli.pins",
}
_INTERRUPTED = 130


def main() -> None:
    """Run the verb on the command line and exit with its code."""
    app = assembled(sys.argv[1:])
    try:
        app(prog_name="./academy")
    except Failure as failure:
        sys.stderr.write(f"academy: {failure}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def assembled(arguments: list[str]) -> typer.Typer:
    """Return the command line with the verb of `arguments`, or with all if it names none."""
    app = typer.Typer(
        name="academy",
        help=_("Seven rooms, one pipeline. Start with: ./academy up"),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    wanted = VERBS.get(arguments[0]) if arguments else None
    for name in dict.fromkeys([wanted] if wanted else VERBS.values()):
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name).register(app)
    return app


def _root() -> None:
    # A command line with a callback keeps its verbs' names even when only one is loaded.
    return
