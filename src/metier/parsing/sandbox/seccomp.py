"""A filter of system calls (Linux, x86-64 and ARM64): no sockets, no look into other processes, no new kernel doors.

The filter is a program of the classic Berkeley packet filter, made of `struct sock_filter` (`linux/filter.h`) over
`struct seccomp_data` (`linux/seccomp.h`): the number of the call stands at 0, the processor at 4, the first argument
at 16.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_DUMPABLE = 4
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_X32 = 0x40000000
_THREAD = 0x00010000  # CLONE_THREAD
_CLONE3 = 435
# Calls that are the same on both: io_uring_setup, open_tree, move_mount, fsopen, pidfd_open, pidfd_getfd
_NEWEST = (425, 428, 429, 430, 434, 438)
# socket, connect, bind, listen, accept, accept4, ptrace, process_vm_readv, process_vm_writev, mount, umount2, unshare,
# setns, bpf, perf_event_open, userfaultfd, keyctl, add_key, request_key, open_by_handle_at, kexec_load, init_module,
# finit_module, setsid, setpgid
_FORBIDDEN = {
    "x86_64": (41, 42, 49, 50, 43, 288, 101, 310, 311, 165, 166, 272, 308, 321, 298, 323, 250, 248, 249, 304, 246, 175,
               313, 112, 109),
    "aarch64": (198, 203, 200, 201, 202, 242, 117, 270, 271, 40, 39, 97, 268, 280, 241, 282, 219, 217, 218, 265, 104,
                105, 273, 157, 154),
}  # fmt: skip
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE = {"x86_64": 56, "aarch64": 220}
_FORK = {"x86_64": (57, 58), "aarch64": ()}  # fork, vfork
_EXECUTE = {"x86_64": (59, 322), "aarch64": (221, 281)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_there() -> bool:
    """Whether a filter can be set here."""
    return sys.platform == "linux" and platform.machine() in _FORBIDDEN and _control(21) >= 0


def forbid_new_rights() -> bool:
    """No program that is started from here gets more rights (setuid), and no other process of this user looks in here.
    False where this is not Linux."""
    return sys.platform == "linux" and _control(_DUMPABLE, 0) == 0 and _control(_NO_NEW_PRIVS, 1) == 0


def restrict(*, programs: bool) -> bool:
    """Set the filter for this thread and what it starts; False where there is none. `programs`: processes may be
    started; otherwise threads alone. A call that is refused gives EPERM."""
    if not is_there():
        return False
    body = b"".join(_filter(platform.machine(), programs))
    program = _Program(len(body) // 8, body)
    return _control(_SET_SECCOMP, _FILTER, ctypes.byref(program)) == 0


def _filter(machine: str, programs: bool) -> list[bytes]:
    refuse, missing = _step(_RETURN, _REFUSE | errno.EPERM), _step(_RETURN, _REFUSE | errno.ENOSYS)
    steps = [_step(_LOAD, 4), _step(_EQUAL, _ARCHITECTURE[machine], 1, 0), refuse, _step(_LOAD, 0)]
    if machine == "x86_64":
        steps += [_step(_GREATER, _X32, 0, 1), refuse]
    # The flags of clone3 stand where no filter sees them: without it the C library calls clone.
    steps += [_step(_EQUAL, _CLONE3, 0, 1), missing]
    forbidden = [*_FORBIDDEN[machine], *_NEWEST]
    if not programs:
        forbidden += [*_FORK[machine], *_EXECUTE[machine]]
        steps += [_step(_EQUAL, _CLONE[machine], 0, 4), _step(_LOAD, 16), _step(_ANY_BIT, _THREAD, 1, 0), refuse]
        steps += [_step(_RETURN, _ALLOW)]
    for number in forbidden:
        steps += [_step(_EQUAL, number, 0, 1), refuse]
    return [*steps, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _control(option: int, *arguments: object) -> int:
    """prctl: what it gives, -1 where it fails."""
    given = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    padding = [ctypes.c_ulong(0)] * (4 - len(given))
    return int(ctypes.CDLL(None, use_errno=True).prctl(ctypes.c_int(option), *given, *padding))
