"""The ``framewire`` command: ``app`` parses, a module for each sub-command runs.

demo: sender and its telemetry and events; sender_process, arrival, tally and tally_view receive.
tap: traffic sorts messages into streams, fields and foreign say what they are; tap_output chooses
between traffic_view, plot, tap_json, and hexview of what annotate says.
record, replay: file_views; replaying. bench: bench_peer, bench_view.
All: wire opens the socket, ending is what ends them, failure what they fail with, display and text
how they look.
"""

from framewire.cli.app import main

__all__ = ["main"]
