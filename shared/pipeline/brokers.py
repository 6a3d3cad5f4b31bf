"""The two brokers that serve the same rooms: how each is told who may do what.

MQTT's `/ + #` are `. * >` in the permissions of nats-server; `a/#` also takes `a`, `a.>` doesn't,
so it needs both. A subscriber with QoS 1 needs `$MQTT.sub.>` there. Neither binds the client id
to the certificate by itself: mosquitto does it by an option inside each listener.
"""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.contracts.messages import BrokerUser, Credentials
from shared.contracts.settings import BusSettings
from shared.language import _


class BrokerMissing(Exception):  # noqa: N818 - a fact, named as one
    """The broker's program isn't on this machine; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """What is started: the program with its arguments, and the ports that it opens."""

    command: tuple[str, ...]
    ports: tuple[int, ...]


def plan_broker(
    settings: BusSettings,
    folder: Path,
    server: Credentials | None,
    users: Sequence[BrokerUser],
    inner_port: int,
) -> BrokerPlan:
    """Write the broker's configuration into `folder` and return how to start it.

    Without `server` credentials the door is open: no TLS, anybody, on loopback. `inner_port` is
    nats-server's own protocol, guarded by the same users. Raises BrokerMissing.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.flavour == "mosquitto":
        program = _find_mosquitto()
        path = folder / "mosquitto.conf"
        (folder / "mosquitto.acl").write_text(_mosquitto_acl(users), encoding="utf-8")
        (folder / "mosquitto.acl").chmod(0o600)
        path.write_text(_mosquitto(settings, folder, server), encoding="utf-8")
        return BrokerPlan((program, "-c", str(path)), _ports(settings))
    path = folder / "nats.conf"
    path.write_text(_nats(settings, folder, server, users, inner_port), encoding="utf-8")
    return BrokerPlan((_find_nats(), "-c", str(path)), (*_ports(settings), inner_port))


def _ports(settings: BusSettings) -> tuple[int, ...]:
    return (
        (settings.port,)
        if settings.websocket_port is None
        else (
            settings.port,
            settings.websocket_port,
        )
    )


def _find_nats() -> str:
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise BrokerMissing(
            _("nats-server isn't in the environment ({path}). Make it again: ./academy up").format(
                path=path
            )
        )
    return str(path)


def _find_mosquitto() -> str:
    # Debian puts it into /usr/sbin, which an ordinary user's PATH leaves out.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("mosquitto", path=places)
    if found is None:
        raise BrokerMissing(
            _("mosquitto isn't installed. Debian: apt-get install mosquitto; or leave --broker out")
        )
    return found


def nats_subjects(topic_filter: str) -> list[str]:
    """Return the subjects of nats-server that an MQTT topic filter stands for."""
    if topic_filter == "#":
        return [">"]
    levels = topic_filter.replace("/", ".").replace("+", "*")
    if levels.endswith(".#"):
        return [levels[:-2], levels[:-1] + ">"]
    return [levels]


def _nats(
    settings: BusSettings,
    folder: Path,
    server: Credentials | None,
    users: Sequence[BrokerUser],
    inner_port: int,
) -> str:
    tls = "" if server is None else _nats_tls(server)
    lines = [
        "server_name: edge",
        f'listen: "{settings.host}:{inner_port}"',
        f"jetstream {{ store_dir: {_quoted(folder / 'nats')} }}",
        f"max_payload: {settings.max_payload}",
        f'mqtt {{ listen: "{settings.host}:{settings.port}"',
        # What the gateway holds longer than this comes again on the live connection.
        f'  max_ack_pending: {settings.queue_limit}, ack_wait: "5s"{tls} }}',
    ]
    if settings.websocket_port is not None:
        door = tls or "\n  no_tls: true"
        lines.append(f'websocket {{ listen: "{settings.host}:{settings.websocket_port}"{door} }}')
    if server is not None:
        lines += ["authorization { users: [", *(_nats_user(user) for user in users), "] }"]
    return "\n".join(lines) + "\n"


def _nats_tls(server: Credentials) -> str:
    return (
        f"\n  tls {{ cert_file: {_quoted(server.certificate)}, key_file: {_quoted(server.key)},"
        f" ca_file: {_quoted(server.authority)}, verify: true, verify_and_map: true, timeout: 5 }}"
    )


def _nats_user(user: BrokerUser) -> str:
    publish = [subject for topic in user.publish for subject in nats_subjects(topic)]
    subscribe = [subject for topic in user.subscribe for subject in nats_subjects(topic)]
    allowed = {"publish": publish, "subscribe": [*subscribe, "$MQTT.sub.>"]}
    rights = ", ".join(
        f"{verb}: {{ allow: {json.dumps(subjects)} }}" if subjects else f'{verb}: {{ deny: ">" }}'
        for verb, subjects in allowed.items()
    )
    return f"  {{ user: {json.dumps(user.subject)}, permissions: {{ {rights} }} }}"


def _mosquitto(settings: BusSettings, folder: Path, server: Credentials | None) -> str:
    lines = [
        "per_listener_settings false",
        "persistence true",
        f"persistence_location {folder}{os.sep}",
        "autosave_interval 1",
        f"max_inflight_messages {settings.queue_limit}",
        "max_queued_messages 100000",
        f"message_size_limit {settings.max_payload}",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        f"allow_anonymous {'true' if server is None else 'false'}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # It would become another user, who can't read the key.
        lines.append("user root")
    if server is not None:
        lines.append(f"acl_file {folder / 'mosquitto.acl'}")
    lines += _mosquitto_listener(settings, settings.port, server)
    if settings.websocket_port is not None:
        lines += [
            *_mosquitto_listener(settings, settings.websocket_port, server),
            "protocol websockets",
        ]
    return "\n".join(lines) + "\n"


def _mosquitto_listener(settings: BusSettings, port: int, server: Credentials | None) -> list[str]:
    lines = [f"listener {port} {settings.host}"]
    if server is not None:
        lines += [
            f"cafile {server.authority}",
            f"certfile {server.certificate}",
            f"keyfile {server.key}",
            "require_certificate true",
            "use_subject_as_username true",
            # Inside a listener: above the first one it would open 1883 on every interface.
            "use_username_as_clientid true",
        ]
    return lines


def _mosquitto_acl(users: Sequence[BrokerUser]) -> str:
    lines = []
    for user in users:
        lines.append(f"user {user.subject}")
        lines += [f"topic write {topic}" for topic in user.publish]
        lines += [f"topic read {topic}" for topic in user.subscribe]
        lines.append("")
    return "\n".join(lines)


def _quoted(path: object) -> str:
    # nats-server knows no \u escapes; it reads UTF-8.
    return json.dumps(str(path), ensure_ascii=False)
