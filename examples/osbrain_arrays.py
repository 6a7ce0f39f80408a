"""An osBrain agent that publishes arrays, and a subscriber that is no agent.

The agent runs in a process of its own, as always; the subscriber is this one.
"""

import numpy as np
from osbrain import Agent, run_agent, run_nameserver

import framewire
from framewire.compat.osbrain import connect, install

SHAPE = (480, 640)


class Camera(Agent):
    """Publishes a numbered image ten times a second."""

    def on_init(self) -> None:
        """Bind as any agent does."""
        install()  # in the agent's process: large arrays go past pickle
        self.bind("PUB", alias="images")
        self.number = 0

    def publish(self) -> None:
        """Publish the next image, and its brightness for who wants no more than that."""
        self.number += 1
        image = np.full(SHAPE, self.number, np.uint16)
        self.send("images", {"number": self.number, "image": image}, topic="image")
        self.send("images", float(image.mean()), topic="brightness")


def main() -> None:
    """Start the agent and receive from it."""
    server = run_nameserver()
    camera = run_agent("camera", base=Camera)
    # The address says that the agent pickles: this process trusts it to run code here.
    with framewire.Context() as context:
        with connect(camera.addr("images"), ["image", b"brightness"], context=context) as sub:
            camera.each(0.1, "publish")
            topic, value = sub.recv_topic()
            while topic != b"image":  # we may come in between the two
                topic, value = sub.recv_topic()
            image = value["image"]
            print(topic.decode(), image.dtype, image.shape)
            print("every pixel is its number:", bool((image == value["number"]).all()))
            topic, brightness = sub.recv_topic()
            print(topic.decode(), brightness == value["number"])
    server.shutdown()


if __name__ == "__main__":
    main()
