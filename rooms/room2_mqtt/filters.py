"""Filters: `+` is one whole level, `#` is all the rest, and `$` belongs to the broker.

MQTT 3.1.1, section 4.7: http://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
"""

from shared.contracts.benches.bus import BadTopic
from shared.contracts.todo import Todo
from shared.language import _

from .topics import LONGEST_BYTES


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether `topic_filter` takes `topic`, by the standard.

    `sport/#` takes `sport` too; `+` takes an empty level but not a missing one; a filter that
    begins with a wildcard doesn't take a topic that begins with `$`. Raises BadTopic for an
    illegal filter, or a topic with a wildcard in it.
    """
    # task 2.2: level by level, with the standard's corner cases
    raise Todo("2.2")


def _levels_of_filter(topic_filter: str) -> list[str]:
    """Return the levels of a legal filter: a wildcard fills its level, `#` is the last one."""
    # task 2.2: what a filter may look like
    raise Todo("2.2")


def _check_topic(topic: str) -> None:
    _check_text(topic)
    if "+" in topic or "#" in topic:
        raise BadTopic(_("expected a topic without wildcards, got {text!r}").format(text=topic))


def _check_text(text: str) -> None:
    """Refuse what no topic and no filter may be: empty, with a NUL, longer than 65,535 bytes."""
    if not text or "\0" in text or len(text.encode(errors="surrogatepass")) > LONGEST_BYTES:
        raise BadTopic(
            _("expected 1 to {most} bytes without NUL, got {text}").format(
                most=LONGEST_BYTES, text=repr(text)[:80]
            )
        )
