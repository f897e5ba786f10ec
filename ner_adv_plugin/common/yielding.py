"""Idle OpenMP threads that give up their CPU.

GNU's runtime lets idle threads spin for several milliseconds before they sleep, which is fastest as
long as each has a CPU of its own. If it manages more threads than there are CPUs, it lets them
sleep after a few microseconds, as its manual says for GOMP_SPINCOUNT. The environment is read only
once, but the number of threads can change: threads that do nothing are added, and leave again.
"""

import threading

from ner_adv_plugin.common.threads import current_threads

# More helpers than this would cost more than they give.
MOST = 64
# Elements of an operation that torch distributes over this many threads at least.
ELEMENTS_PER_THREAD = 1 << 16


class Yielding:
    """Let idle threads sleep at once, while `on`.

    # Parameters

    cpus : number of CPUs that the process could use when the runtime was loaded.
    """

    def __init__(self, cpus: int) -> None:
        self.cpus = cpus
        self.on = False
        self._end = threading.Event()
        self._helpers: list[threading.Thread] = []

    def switch(self, on: bool) -> None:
        """Start or end the threads that do nothing."""
        if on == self.on:
            return

        self.on = on
        if not on:
            self._end.set()
            for helper in self._helpers:
                helper.join()
            self._helpers = []
            return

        self._end = threading.Event()
        for _ in range(helpers(current_threads(), self.cpus)):
            helper = threading.Thread(target=_help, args=(self._end,), daemon=True)
            helper.start()
            self._helpers.append(helper)


def helpers(threads: int, cpus: int) -> int:
    """Return the number of teams that make the runtime manage more threads than CPUs.

    A team has `threads` threads, one of which the runtime does not count.

    # Examples

    >>> helpers(2, 2), helpers(1, 2), helpers(4, 16)
    (1, 0, 5)
    """
    if threads < 2:
        return 0
    return min(MOST, -(-(cpus + 1 - threads) // (threads - 1)))


def _help(end: threading.Event) -> None:
    """Start a team of threads, which lasts as long as this thread."""
    import torch

    # Makes this thread use the number of threads of the process.
    threads = torch.get_num_threads()
    torch.ones(ELEMENTS_PER_THREAD * threads).add_(1)
    end.wait()
