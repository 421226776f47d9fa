"""A device on a wire that can be late, silent or broken, for tests of exchanges."""

import threading
import time

from pymeasure.adapters import Adapter

from labspin.errors import ReplyTimeoutError


class Wire(Adapter):
    """Echoes ``answer(command)``; answers listed in ``late`` arrive after so many reads have timed out."""

    def __init__(self, answer=None, *, late=None, silent=(), pause=0.0):
        super().__init__()
        self.answer = answer or (lambda command: command)
        self.late = dict(late or {})  # command -> number of reads that time out before the answer comes
        self.silent = list(silent)  # commands whose next answer is lost
        self.pause = pause
        self.sent = []
        self.queue = []  # [reads to wait, text]
        self.error = None
        self.closed = False
        self.busy = threading.Lock()

    def _write(self, command, **kwargs):
        if self.error is not None:
            raise self.error
        if self.pause:
            time.sleep(self.pause)  # lets other threads in
        self.sent.append(command)
        reply = self.answer(command)
        if reply is None:
            return
        if command in self.silent:
            self.silent.remove(command)
            return
        self.queue.append([self.late.pop(command, 0), reply])

    def _read(self, **kwargs):
        if self.error is not None:
            raise self.error
        if self.pause:
            time.sleep(self.pause)  # lets other threads in
        if not self.queue:
            raise ReplyTimeoutError("nothing came")
        if self.queue[0][0] > 0:
            self.queue[0][0] -= 1
            raise ReplyTimeoutError("nothing came yet")
        return self.queue.pop(0)[1]

    def flush_read_buffer(self):
        while self.queue and self.queue[0][0] == 0:
            self.queue.pop(0)

    def close(self):
        self.closed = True
