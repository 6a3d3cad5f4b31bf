"""Who may do what: nobody by default, a device as itself, and each only its own part."""

from shared.contracts.messages import (
    PRESENCE_ROOT,
    TOPIC_ROOT,
    VERDICT_ROOT,
    BrokerUser,
    Principal,
)
from shared.contracts.todo import Todo

RIGHTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "device": (
        (
            f"{TOPIC_ROOT}/{{name}}/+/+",
            f"{PRESENCE_ROOT}/{{name}}",
        ),
        (f"{VERDICT_ROOT}/{{name}}",),
    ),
    "gateway": ((f"{VERDICT_ROOT}/+",), (f"{TOPIC_ROOT}/+/+/+", f"{PRESENCE_ROOT}/+")),
}


def rights_of(name: str, kind: str, subject: str) -> BrokerUser:
    """Return the topic filters that a party may publish to and subscribe to.

    A device writes its own readings and presence and hears its own verdicts. The gateway hears all
    readings and births and writes verdicts. Everybody else: nothing.
    """
    publish, subscribe = RIGHTS.get(kind, ((), ()))
    return BrokerUser(
        name,
        subject,
        tuple(one.format(name=name) for one in publish),
        tuple(one.format(name=name) for one in subscribe),
    )


def may(principal: Principal, action: str, device_id: str | None) -> bool:
    """Return whether `principal` may `write` for `device_id`, `read`, or `replay`.

    A device writes as itself only; a gateway with the scope writes for any; reading and replaying
    need their scope. Whatever isn't named here is forbidden.
    """
    match principal.kind, action:
        case "device", "write":
            return principal.subject == device_id
        case ("gateway", "write") | ("operator", "read" | "replay"):
            return action in principal.scopes
    return False
