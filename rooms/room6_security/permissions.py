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
    raise Todo("6.6")


def may(principal: Principal, action: str, device_id: str | None) -> bool:
    """Return whether `principal` may `write` for `device_id`, `read`, or `replay`.

    A device writes as itself only; a gateway with the scope writes for any; reading and replaying
    need their scope. Whatever isn't named here is forbidden.
    """
    # task 6.6: nobody by default
    raise Todo("6.6")
