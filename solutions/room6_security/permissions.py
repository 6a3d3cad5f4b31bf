"""Who may do what: nobody by default, a device as itself, and each only its own part."""

from shared.contracts.messages import (
    PRESENCE_ROOT,
    TOPIC_ROOT,
    VERDICT_ROOT,
    BrokerUser,
    Principal,
)
from shared.contracts.todo import Todo


def rights_of(name: str, kind: str, subject: str) -> BrokerUser:
    """Return the topic filters that a party may publish to and subscribe to.

    A device writes its own readings and presence and hears its own verdicts. The gateway hears all
    readings and births and writes verdicts. Everybody else: nothing.
    """
    # task 6.6: least privilege
    # <solution>
    if kind == "device":
        publish = (f"{TOPIC_ROOT}/{name}/+/+", f"{PRESENCE_ROOT}/{name}")
        return BrokerUser(name, subject, publish, (f"{VERDICT_ROOT}/{name}",))
    if kind == "gateway":
        subscribe = (f"{TOPIC_ROOT}/+/+/+", f"{PRESENCE_ROOT}/+")
        return BrokerUser(name, subject, (f"{VERDICT_ROOT}/+",), subscribe)
    return BrokerUser(name, subject, (), ())
    # </solution>
    #: raise Todo("6.6")


def may(principal: Principal, action: str, device_id: str | None) -> bool:
    """Return whether `principal` may `write` for `device_id`, `read`, or `replay`.

    A device writes as itself only; a gateway with the scope writes for any; reading and replaying
    need their scope. Whatever isn't named here is forbidden.
    """
    # task 6.6: nobody by default
    # <solution>
    if principal.kind == "device":
        return action == "write" and device_id == principal.subject
    if principal.kind == "gateway":
        return action == "write" and "write" in principal.scopes
    if principal.kind == "operator":
        return action in {"read", "replay"} and action in principal.scopes
    return False
    # </solution>
    #: raise Todo("6.6")
