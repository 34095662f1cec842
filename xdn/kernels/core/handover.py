"""How threads wait for a short run in machine code, and how the caller hands it to them.

Waking a thread through Python takes longer than a small net. So a helper that has finished looks for the next job for a
while before it goes back to Python to sleep; the caller itself works too::

    helper: while looks < LOOKS:                           caller: for each helper: ticket += 1
                if ticket is new: run; done = ticket               if one is parked: wake it through Python
            parked = 1                                             run
            if ticket is not new: sleep in Python                  wait until all helpers are done

The ticket is written before `parked` is read, and `parked` before the ticket is read again: one of both sees the other.
"""

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import atomic_add, atomic_load, atomic_store, call_kernel, call_plain, i64_at, pause
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target

# A helper's mailbox; what different threads write lies on different cache lines.
#: Number of the latest job; addresses of the driver, of its control words and of the helper's frame.
TICKET, DRIVE, CONTROL, FRAME = range(4)
#: Number of the latest job that is done; not 0: the helper sleeps, or is about to.
DONE, PARKED = 8, 9
#: How often the helper looks for a job before it sleeps.
LOOKS = 16
MAILBOX_WORDS = 24

# What the caller is told.
#: How many helpers there are; not 0 after posting: one of them must be woken.
HELPERS, WAKE = 0, 1
#: Address of a C function that gives the processor to another thread.
YIELD = 2
#: Looks for a helper's end before the caller gives its processor away.
CALLER_LOOKS = 3
#: Addresses of the driver and of its control words, as in a mailbox.
OWN_DRIVE, OWN_CONTROL = 4, 5
#: Addresses of the mailboxes.
MAILBOXES = 6


def attend(target: Target) -> KernelSource:
    """Return the kernel in which a helper waits until it may sleep: its descriptor is the mailbox."""
    return KernelSource(KernelName("attend", target.name), _attend)


def post(target: Target) -> KernelSource:
    """Return the kernel that hands out a job: its descriptor is the caller's words."""
    return KernelSource(KernelName("post", target.name), _post)


def lead(target: Target) -> KernelSource:
    """Return the kernel that does the caller's part and waits for the helpers; its frame is the caller's."""
    return KernelSource(KernelName("lead", target.name), _lead)


def _attend():
    def attend(box, frame):
        atomic_store(box, PARKED, 0)
        looks = 0
        while True:
            ticket = atomic_load(box, TICKET)
            if ticket != box[DONE]:
                if box[DRIVE] != 0:
                    call_kernel(box[DRIVE], box[CONTROL], i64_at(box[FRAME]))
                atomic_store(box, DONE, ticket)
                looks = 0
            elif looks < box[LOOKS]:
                looks += 1
                pause()
            else:
                atomic_store(box, PARKED, 1)
                if atomic_load(box, TICKET) == ticket:
                    return
                atomic_store(box, PARKED, 0)

    return attend


def _post():
    def post(words, frame):
        words[WAKE] = 0
        for number in range(words[HELPERS]):
            box = i64_at(words[MAILBOXES + number])
            atomic_add(box, TICKET, 1)
            if atomic_load(box, PARKED):
                words[WAKE] = 1

    return post


def _lead():
    def lead(words, frame):
        call_kernel(words[OWN_DRIVE], words[OWN_CONTROL], frame)
        for number in range(words[HELPERS]):
            box = i64_at(words[MAILBOXES + number])
            looks = 0
            while atomic_load(box, DONE) != box[TICKET]:
                if looks < words[CALLER_LOOKS]:
                    looks += 1
                    pause()
                else:
                    call_plain(words[YIELD])

    return lead
