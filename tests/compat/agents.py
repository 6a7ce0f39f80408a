"""A name server and agents of osBrain, in processes of their own, until its standard input ends.

``agents.py METHOD NAME…``, with a method of multiprocessing to start them by: before agents whose
name begins with "installed" framewire's `install` is called, by those with "installs" in their
`on_init`, and those with "bare" cannot import framewire. Prints the address of the name server.
"""

import multiprocessing
import sys

import described
from osbrain import Agent, run_agent, run_nameserver

from framewire.compat.osbrain import install, uninstall


class Peer(Agent):
    """Keeps what it receives."""

    def on_init(self):
        self.received = []
        if self.name.startswith("bare"):
            for name in [name for name in sys.modules if name.partition(".")[0] == "framewire"]:
                del sys.modules[name]
            sys.modules["framewire"] = None  # to import it is an ImportError
        if self.name.startswith("installs"):
            install()

    def keep(self, message):
        """Handle a message."""
        self.received.append(message)

    def keep_description(self, message):
        """Handle a message."""
        self.received.append(described.describe(message))

    def keep_with_topic(self, message, topic):
        """Handle a publication."""
        self.received.append((topic, message))

    def reply(self, message):
        """Handle a request."""
        self.received.append(message)
        return message

    def ask(self, alias, message):
        """Keep the reply to a request."""
        self.received.append(self.send_recv(alias, message))

    def send_made(self, alias, names):
        """Send values that are made here, since a proxy would pickle them."""
        for name in names:
            self.send(alias, described.VALUES[name]())

    def take(self):
        """Let go of what came; safe calls answer through the agent's own serializer."""
        taken, self.received = self.received, []
        return taken


def main(method, *names):
    """Run until nobody needs it."""
    multiprocessing.set_start_method(method)
    server = run_nameserver()
    for name in names:
        if name.startswith("installed"):
            install()
        else:
            uninstall()
        run_agent(name, base=Peer)
    print(f"name server: {server.addr()}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
