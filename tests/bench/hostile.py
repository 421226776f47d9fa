"""A cable that misbehaves: a TCP proxy before a served device, whose manners change while it is in use."""

import contextlib
import socket
import threading
import time


class Cable:
    """Passes bytes between clients and the device at ``port``; a context manager.

    Attributes
    ----------
    drip : float
        Seconds before every byte of an answer; 0: as it comes.
    greeting : bytes
        Sent to whoever connects.
    surplus : bytes
        Sent behind every answer.
    surplus_delay : float
        Seconds before the surplus.
    before : list of bytes
        Lines that arrive with the next answers, each in front of one: in the moment in which it is due.
    late : float
        Seconds before every answer.
    made : int
        How many connections there have been.
    """

    def __init__(self, port):
        self.target = port
        self.drip, self.greeting, self.surplus, self.surplus_delay = 0.0, b"", b"", 0.0
        self.late, self.before, self.made = 0.0, [], 0
        self._pulled = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._stopped = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def say(self, line):
        """Send a line that nobody asked for to whoever connected last, and let it arrive."""
        self._client.sendall(line)
        time.sleep(0.01)  # what arrives can be seen by the other end only

    @property
    def pulled(self):
        """Whether nobody can connect, and every connection is cut."""
        return self._pulled

    @pulled.setter
    def pulled(self, value):
        self._pulled = value
        if value:
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.pulled:
                client.close()
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        device = socket.create_connection(("127.0.0.1", self.target))
        for end in (client, device):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open |= {client, device}
        self.made += 1
        self._client = client
        if self.greeting:
            client.sendall(self.greeting)
        pass_on = threading.Thread(target=self._pass, args=(client, device, self._at_once), daemon=True)
        pass_on.start()
        self._pass(device, client, self._slowly)
        pass_on.join(5.0)
        self._open -= {client, device}
        for end in (client, device):
            end.close()

    def _pass(self, source, sink, send):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                send(sink, data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _at_once(self, sink, data):
        sink.sendall(data)

    def _slowly(self, sink, data):
        surplus = self.surplus  # as it is now: it may change meanwhile
        if self.late:
            time.sleep(self.late)  # the fault itself
        if self.before:
            data = self.before.pop(0) + data
        if self.drip:
            for place in range(len(data)):
                time.sleep(self.drip)  # the fault itself
                sink.sendall(data[place : place + 1])
        elif surplus and not self.surplus_delay:
            sink.sendall(data + surplus)
        else:
            sink.sendall(data)
            if surplus:
                time.sleep(self.surplus_delay)  # the fault itself
                sink.sendall(surplus)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        self._listener.close()
        self.pulled = True
