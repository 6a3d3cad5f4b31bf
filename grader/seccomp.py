"""A filter of system calls for the walls: what no submission needs and namespaces don't hold.

Classic BPF, as seccomp(2) takes it: made by hand, since it is short and costs nothing to load.
Refused with EPERM: namespaces of one's own (with one comes a mount without a size), mounts, memory
that belongs to no file and no process, keys, tracing, and interfaces by which kernels were broken.
"""

import platform
import struct
from typing import Final

# linux/audit.h; system call numbers from each architecture's table.
_X86_64: Final = 0xC000003E
_AARCH64: Final = 0xC00000B7
_X32: Final = 0x40000000  # x86-64's third table of numbers
_NEW_NAMESPACES: Final = 0x7E020000  # CLONE_NEW*: user, pid, net, uts, ipc, cgroup, ns
_REFUSED: Final = {
    _X86_64: {
        "clone": 56,
        "ptrace": 101,
        "mount": 165,
        "umount2": 166,
        "swapon": 167,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "perf_event_open": 298,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "memfd_create": 319,
        "bpf": 321,
        "userfaultfd": 323,
    },
    _AARCH64: {
        "umount2": 39,
        "mount": 40,
        "unshare": 97,
        "ptrace": 117,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "clone": 220,
        "swapon": 224,
        "perf_event_open": 241,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "memfd_create": 279,
        "bpf": 280,
        "userfaultfd": 282,
    },
}
# The same on every architecture: io_uring, new mounts, memfd_secret.
_REFUSED_ALL: Final = (425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 447)
_CLONE3: Final = 435

_LOAD, _IF_EQUAL, _IF_LARGER, _IF_ANY, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _REFUSE, _UNKNOWN = 0x7FFF0000, 0x00050001, 0x00050026  # EPERM, ENOSYS
_END: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS


def program() -> bytes | None:
    """Return the filter for this machine; None where its numbers aren't known here."""
    names = {"x86_64": _X86_64, "aarch64": _AARCH64}
    architecture = names.get(platform.machine())
    if architecture is None or struct.calcsize("P") != 8:  # noqa: PLR2004 - bytes of a pointer
        return None
    refused = dict(_REFUSED[architecture])
    clone = refused.pop("clone")
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, architecture, 1, 0),
        _step(_RETURN, _END),
        _step(_LOAD, _NUMBER),
        _step(_IF_LARGER, _X32, 0, 1),
        _step(_RETURN, _UNKNOWN),
        # glibc falls back to clone, whose flags can be read here; clone3's lie behind a pointer.
        _step(_IF_EQUAL, _CLONE3, 0, 1),
        _step(_RETURN, _UNKNOWN),
    ]
    for number in (*refused.values(), *_REFUSED_ALL):
        code += [_step(_IF_EQUAL, number, 0, 1), _step(_RETURN, _REFUSE)]
    code += [
        _step(_IF_EQUAL, clone, 0, 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        _step(_IF_ANY, _NEW_NAMESPACES, 0, 1),
        _step(_RETURN, _REFUSE),
        _step(_RETURN, _ALLOW),
    ]
    return b"".join(code)


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
