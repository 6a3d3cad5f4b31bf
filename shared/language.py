"""The words that a person reads, in the reader's language.

Source text is English; French, or any other language, is a folder under `shared/locale`.
`ACADEMY_LANG` chooses it (`fr`), else the system's own settings do.
"""

import gettext
import locale
import os
from functools import cache
from pathlib import Path

DOMAIN = "academy"
CATALOGUES = Path(__file__).parent / "locale"


def _(message: str) -> str:
    """Return `message` in the reader's language, or as it is where no catalogue has it."""
    return catalogue().gettext(message)


def plural(one: str, many: str, count: int) -> str:
    """Return `one` or `many` in the reader's language, by its rule for `count`."""
    return catalogue().ngettext(one, many, count)


@cache
def catalogue() -> gettext.NullTranslations:
    """Return the catalogue of the reader's language; an empty one if there is none.

    It is looked up at the first text, not at import, so that a program may set the language.
    """
    return gettext.translation(DOMAIN, CATALOGUES, languages=languages(), fallback=True)


def languages() -> list[str]:
    """Return the reader's languages, the preferred one first, as gettext writes them."""
    chosen = os.environ.get("ACADEMY_LANG")
    if chosen:
        return [chosen]
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        names = os.environ.get(variable)
        if names:
            return names.split(":")
    system, _encoding = locale.getlocale()  # Windows sets none of the variables
    return [system] if system else []
