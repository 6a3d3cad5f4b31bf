"""Filters as regular expressions, made once each."""

import re
from functools import lru_cache

from shared.contracts.benches.bus import BadTopic

_LEGAL = re.compile(r"(?:(?:\+|[^+#/]*)/)*(?:\+|#|[^+#/]*)\Z")


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether the filter takes the topic."""
    pattern = _pattern(topic_filter)
    _sound(topic)
    if re.search(r"[+#]", topic):
        raise BadTopic(f"a topic has no wildcard: {topic[:80]!r}")
    if topic[0] == "$" and topic_filter[0] in "+#":
        return False
    return pattern.fullmatch(topic) is not None


@lru_cache(maxsize=256)
def _pattern(topic_filter: str) -> re.Pattern[str]:
    _sound(topic_filter)
    if not _LEGAL.match(topic_filter):
        raise BadTopic(f"not a filter: {topic_filter[:80]!r}")
    if topic_filter == "#":
        return re.compile(".*", re.DOTALL)
    stem, deep = topic_filter, ""
    if stem.endswith("/#"):
        stem, deep = stem[:-2], "(?:/.*)?"
    levels = ("[^/]*" if level == "+" else re.escape(level) for level in stem.split("/"))
    return re.compile("/".join(levels) + deep, re.DOTALL)


def _sound(text: str) -> None:
    if text == "" or "\0" in text or len(text.encode("utf-8", "surrogatepass")) >= 1 << 16:
        raise BadTopic(f"1 to 65,535 bytes without NUL, got {len(text)} letters")
