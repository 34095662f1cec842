"""How threads wait for a short run in machine code, and how the caller hands it to them.

Waking a thread through Python takes longer than a small net. So a helper that has finished looks for the next job for a
while before it goes back to Python to sleep; the caller itself works too::

    helper: while looks < LOOKS:                           caller: for each helper: ticket += 1
                if ticket is new: run; done = ticket               if one is parked: wake it through Python
            parked = 1                                             run
            if ticket is not new: sleep in Python                  wait until all helpers are done

The ticket is written before `parked` is read, and `parked` before the ticket is read again: one of both sees the other.
"""

from xdn.codegen.intrinsics import (
    atomic_add,
    atomic_load,
    atomic_store,
    call_kernel,
    call_plain,
    i64_at,
    pause,
    words_at,
)
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import Cell, Descriptor, Size
from xdn.kernels.core.frame import kernel_source


class Mailbox(Descriptor):
    """A helper's; what different threads write lies on different cache lines.

    ticket
        Number of the latest job.
    drive, control, frame
        Addresses of the driver, of its control words and of the helper's frame.
    done, parked
        Number of the latest job that is done; not 0: the helper sleeps, or is about to.
    looks
        How often the helper looks for a job before it sleeps.
    """

    ticket = Cell()
    drive, control, frame = Size(), Size(), Size()
    done, parked = Cell(new_line=True), Cell()
    looks = Size(new_line=True)


class Caller(Descriptor):
    """What the caller is told.

    helpers, wake
        How many helpers there are; not 0 after posting: one of them must be woken.
    give_way, looks
        Address of a C function that gives the processor to another thread; looks for a helper's end before that.
    drive, control
        As in a mailbox.
    mailboxes
        The first of the addresses of the helpers' mailboxes.
    """

    helpers, wake, give_way, looks, drive, control = (Size() for _ in range(6))
    mailboxes = Cell()


mailbox_at = words_at(Mailbox)


def attend(target: Target) -> KernelSource:
    """Return the kernel in which a helper waits until it may sleep: its descriptor is the mailbox."""
    return kernel_source(KernelName("attend", target.name), _attend, Mailbox)


def post(target: Target) -> KernelSource:
    """Return the kernel that hands out a job: its descriptor is the caller's words."""
    return kernel_source(KernelName("post", target.name), _post, Caller)


def lead(target: Target) -> KernelSource:
    """Return the kernel that does the caller's part and waits for the helpers; its frame is the caller's."""
    return kernel_source(KernelName("lead", target.name), _lead, Caller)


def _attend() -> KernelBody:
    def attend(box, frame):
        atomic_store(box.parked, 0, 0)
        looks = 0
        while True:
            ticket = atomic_load(box.ticket, 0)
            if ticket != box.done[0]:
                if box.drive != 0:
                    call_kernel(box.drive, box.control, i64_at(box.frame))
                atomic_store(box.done, 0, ticket)
                looks = 0
            elif looks < box.looks:
                looks += 1
                pause()
            else:
                atomic_store(box.parked, 0, 1)
                if atomic_load(box.ticket, 0) == ticket:
                    return
                atomic_store(box.parked, 0, 0)

    return attend


def _post() -> KernelBody:
    def post(caller, frame):
        caller.wake = 0
        for number in range(caller.helpers):
            box = mailbox_at(caller.mailboxes[number])
            atomic_add(box.ticket, 0, 1)
            if atomic_load(box.parked, 0):
                caller.wake = 1

    return post


def _lead() -> KernelBody:
    def lead(caller, frame):
        call_kernel(caller.drive, caller.control, frame)
        for number in range(caller.helpers):
            box = mailbox_at(caller.mailboxes[number])
            looks = 0
            while atomic_load(box.done, 0) != box.ticket[0]:
                if looks < caller.looks:
                    looks += 1
                    pause()
                else:
                    call_plain(caller.give_way)

    return lead
