"""The ledger's newest checkpoint, published as a retained message: whoever connects later can keep it."""

from __future__ import annotations

import logging
import secrets
import threading
import time

from core.errors import LabError
from core.live.endpoint import Where, located, resolve
from core.live.link import Link, LinkError, publish_once
from core.settings import Settings

_RETRY_S = 5.0
_RETAINED_S = 1.0
_LOG = logging.getLogger(__name__)


def checkpoint_topic(settings: Settings) -> str:
    """`checkpoint`, beside the topic of trades."""
    parent, slash, _ = settings.mqtt_topic.rpartition("/")
    return f"{parent}{slash}checkpoint"


def retained_checkpoint(settings: Settings) -> str:
    """The checkpoint that an external broker has kept of this lab, "" if there is none or it cannot be had now.

    The embedded broker has nothing that the lab's own folder has not.
    """
    if not settings.mqtt_host:
        return ""
    topic = checkpoint_topic(settings)
    link: Link | None = None
    try:
        client_id = f"{settings.mqtt_client_id}-{secrets.token_hex(4)}"
        link = Link(resolve(settings), client_id=client_id, topics=(topic,), clean=True)
        link.open()
        deadline = time.monotonic() + _RETAINED_S
        while not link.inbox and time.monotonic() < deadline:
            link.poll(0.05)
        return bytes(link.inbox[0].payload).decode(errors="replace") if link.inbox else ""
    except (LinkError, LabError) as error:
        _LOG.warning("the checkpoint that the broker keeps is not compared: %s", error)
        return ""
    finally:
        if link is not None:
            link.close()


class Announcer:
    """Publishes in a thread of its own, so that no broker can hold up the miner; only the newest text matters."""

    def __init__(self, settings: Settings, *, endpoint: Where = None) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._changed = threading.Condition()  # owns _text and _stopping
        self._text = b""
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._failures = 0
        self.problem = ""

    def announce(self, text: str) -> None:
        """Publish this next; returns at once."""
        with self._changed:
            self._text = text.encode()
            self._changed.notify()

    def start(self) -> None:
        """Begin to publish."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mqtt-announcer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not published yet is not."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._thread = None

    def _run(self) -> None:
        said = b""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._text != said)  # noqa: B023  (same round)
                if self._stopping:
                    return
                text = self._text
            if self._published(text):
                said = text
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping, _RETRY_S)

    def _published(self, text: bytes) -> bool:
        try:
            endpoint, topic = located(self._settings, self._endpoint), checkpoint_topic(self._settings)
            client_id = f"{self._settings.mqtt_client_id}-announcer"
            publish_once(endpoint, topic, text, client_id=client_id, retain=True)
        except Exception as error:
            _LOG.warning("checkpoint not published over MQTT: %s", error)
            self._failures += 1
            times = f" {self._failures} times" if self._failures > 1 else ""
            self.problem = f"The checkpoint could not be announced over MQTT{times}: {error}"
            return False
        self._failures, self.problem = 0, ""
        return True
