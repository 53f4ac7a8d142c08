"""A TCP server that runs a script for each connection, in a thread of its own."""

import errno
import socket
import threading


class Server:
    """Listens from the moment it is made. `script(socket)` runs once for each connection; what it raises is kept in `errors`, and
    fails the test that uses the fixture `serve`."""

    def __init__(self, script, address=("127.0.0.1", 0), family=None):
        self.errors = []
        self.accepted = 0
        self._script = script
        self._connections = set()
        self._closing = False
        self._lock = threading.Lock()
        family = family or (socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        if family != socket.AF_UNIX:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address)
        self._listener.listen(512)
        name = self._listener.getsockname()
        self.address = name if isinstance(name, str) else name[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self.address[1]

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            with self._lock:
                if self._closing:
                    connection.close()
                    return
                self.accepted += 1
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._script(connection)
        except OSError as error:  # ENOTCONN: shutdown() of a connection that the peer has reset
            self._note(error, expected=isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN)
        except Exception as error:  # pylint: disable=broad-except
            self._note(error, expected=False)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _note(self, error, expected):
        if not expected and not self._closing:
            self.errors.append(error)

    def stop_accepting(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(5)

    def close(self):
        with self._lock:
            self._closing = True
        self.stop_accepting()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
