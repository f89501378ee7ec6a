"""amqtt with the gaps closed through which it loses messages that it has acknowledged.

What amqtt 0.12.1 does, and what is done here instead:

- it forgets a message that a subscriber has not acknowledged within 5 s or before it disconnects: here the message
  stays in the session until its acknowledgement, and is sent again, marked DUP, after a reconnect;
- it drops what it acknowledged to a publisher that disconnects at once: here a message is handed on before anything
  else happens to the connection;
- it sends a session's whole backlog at once and fails above 65,535 messages: here at most WINDOW messages are on
  their way, the others wait their turn in order;
- it marks queued messages RETAIN: here RETAIN means what MQTT says it means;
- a client with a wrong password takes over a session of the same client id, and a session that was taken over counts
  as disconnected: here the password comes first, and only the present connection decides;
- it forgets every session when it stops: here `closing_memory` hands them to the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.mqtt.constants import QOS_0, QOS_1
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import INCOMING, OutgoingApplicationMessage, Session

from core.live.broker_memory import KeptMessage, KeptSession

WINDOW = 1_000
"""Messages sent to one subscriber and not yet acknowledged by it."""

MAX_QUEUED = 100_000
"""Messages kept for one subscriber; more are dropped, with a warning."""

_LOG = logging.getLogger(__name__)


class Delivery(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt has no types
    """One client's connection. A session's messages leave in order and stay until the client acknowledges them."""

    def __init__(self, broker: LosslessBroker, plugins_manager: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(plugins_manager, loop=loop)
        self._broker = broker
        self._handing_on = asyncio.Lock()

    async def start(self) -> None:
        """Begin to read; a session whose former connection ended a moment ago is connected again."""
        if not self.session.transitions.is_connected():
            self.session.transitions.connect()
        await super().start()

    async def mqtt_publish(
        self, topic: str, data: bytes, qos: int | None, retain: bool, ack_timeout: int | None = None
    ) -> Any:
        """Send now at QoS 0; else take a place in the session's queue."""
        if qos == QOS_0:
            return await super().mqtt_publish(topic, data, qos, retain, ack_timeout)
        message = OutgoingApplicationMessage(None, topic, QOS_1, data, retain)
        enqueue(self.session, message)
        await self.send_queued()
        return message

    async def send_queued(self) -> None:
        """Send what waits, as far as the window allows."""
        session = self.session
        while not session.retained_messages.empty() and len(session.inflight_out) < WINDOW:
            waiting = session.retained_messages.get_nowait()
            message = OutgoingApplicationMessage(
                session.next_packet_id, waiting.topic, QOS_1, waiting.data, waiting.retain
            )
            session.inflight_out[message.packet_id] = message
            await self._transmit(message)

    async def _transmit(self, message: Any) -> None:
        message.publish_packet = message.build_publish_packet(dup=message.publish_packet is not None)
        await self._send_packet(message.publish_packet)

    async def _retry_deliveries(self) -> None:
        for message in list(self.session.inflight_out.values()):
            await self._transmit(message)
        await self.send_queued()

    async def handle_puback(self, puback: Any) -> None:
        """The client has it: forget it, and send the next."""
        self.session.inflight_out.pop(puback.variable_header.packet_id, None)
        await self.send_queued()

    async def mqtt_deliver_next_message(self) -> Any:
        """Wait for ever: `_handle_message_flow` hands incoming messages on itself, in order."""
        await asyncio.Event().wait()

    async def _handle_message_flow(self, app_message: Any) -> None:
        try:
            await super()._handle_message_flow(app_message)
        finally:
            if app_message.direction == INCOMING:
                await self._hand_on()

    async def _hand_on(self) -> None:
        queue = self.session.delivered_message_queue
        async with self._handing_on:
            while not queue.empty():
                taken: asyncio.Future[Any] = asyncio.Future()
                taken.set_result(queue.get_nowait())
                if not await self._broker._handle_message_delivery(self.session, self, taken):
                    await self.handle_connection_closed()


class LosslessBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """amqtt's broker over `Delivery`; subscriptions are granted at most QoS 1. kept: sessions it begins with."""

    def __init__(self, config: dict[str, Any], *, kept: Sequence[KeptSession]) -> None:
        super().__init__(config, loop=asyncio.get_running_loop())
        self._kept = kept

    async def _start_listeners(self) -> None:
        for session in self._kept:
            self._recall(session)
        await super()._start_listeners()

    def _recall(self, kept: KeptSession) -> None:
        handler, session = self.create_offline_session(kept.client_id)
        session.clean_session = False
        session._packet_id = kept.last_packet_id
        for message in kept.messages:
            waiting = OutgoingApplicationMessage(
                message.packet_id, message.topic, QOS_1, message.payload, message.retain
            )
            if message.packet_id is None:
                enqueue(session, waiting)
            else:
                waiting.publish_packet = waiting.build_publish_packet()
                session.inflight_out[message.packet_id] = waiting
        for topic_filter, qos in kept.subscriptions:
            self._subscriptions.setdefault(topic_filter, []).append((session, qos))
        self._sessions[kept.client_id] = (session, handler)

    async def serve_until(self, stopping: asyncio.Event) -> None:
        """Wait for the event. Raises RuntimeError if the task that hands messages on ends before."""
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait([waiting, self._broadcast_task], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            raise RuntimeError("amqtt no longer hands messages on")

    async def closing_memory(self) -> list[KeptSession]:
        """End every connection, finish what was accepted, and return the sessions for the next start."""
        for server in self._servers.values():
            server.instance.close()
        for _, handler in list(self._sessions.values()):
            await self._stop_handler(handler)
        while not self._broadcast_queue.empty():
            await self._run_broadcast(self._tasks_queue)
        await asyncio.gather(*self._tasks_queue, return_exceptions=True)
        return [self._memory_of(session) for session, _ in self._sessions.values() if session.clean_session is False]

    def _memory_of(self, session: Session) -> KeptSession:
        sent = [
            KeptMessage(message.topic, bytes(message.data), message.retain, packet_id)
            for packet_id, message in session.inflight_out.items()
        ]
        waiting = []
        while not session.retained_messages.empty():
            message = session.retained_messages.get_nowait()
            waiting.append(KeptMessage(message.topic, bytes(message.data), message.retain))
        subscriptions = tuple(
            (topic_filter, qos)
            for topic_filter, subscribers in self._subscriptions.items()
            for subscriber, qos in subscribers
            if subscriber.client_id == session.client_id
        )
        return KeptSession(str(session.client_id), subscriptions, session._packet_id, (*sent, *waiting))

    def undelivered(self, client_id: str) -> int:
        """Messages accepted but not yet acknowledged by the session of `client_id`."""
        session: Session | None = self._sessions.get(client_id, (None, None))[0]
        waiting = self._broadcast_queue.qsize()
        if session is None:
            return int(waiting)
        return int(waiting + session.retained_messages.qsize() + len(session.inflight_out))

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Subscribe; returns the QoS granted, or 0x80 for a refusal."""
        topic_filter, qos = subscription
        return int(await super().add_subscription((topic_filter, min(qos, QOS_1)), session))

    async def _handle_client_session(
        self, reader: Any, writer: Any, client_session: Session, handler: Any, server: Any, listener_name: str
    ) -> None:
        delivery = Delivery(self, self.plugins_manager, self._loop)
        if await self._authenticate(client_session, self.listeners_config[listener_name]):
            await super()._handle_client_session(reader, writer, client_session, delivery, server, listener_name)
            return
        delivery.attach(Session(), reader, writer)
        await delivery.mqtt_connack_authorize(False)
        await writer.close()

    async def _handle_disconnect(self, client_session: Session, handler: Any, disconnect_waiter: Any) -> None:
        if self._get_handler(client_session) is handler:
            await super()._handle_disconnect(client_session, handler, disconnect_waiter)
        else:
            await self._stop_handler(handler)

    async def _retain_broadcast_message(self, broadcast: dict[str, Any], qos: int, target_session: Session) -> None:
        message = RetainedApplicationMessage(broadcast["session"], broadcast["topic"], broadcast["data"], qos)
        message.retain = False
        enqueue(target_session, message)

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """`Delivery.start` has sent them already."""


def enqueue(session: Session, message: Any) -> None:
    """Put a message at the end of a session's queue, if there is room."""
    if session.retained_messages.qsize() >= MAX_QUEUED:
        _LOG.warning("queue of %s is full at %d messages: one dropped", session.client_id, MAX_QUEUED)
        return
    session.retained_messages.put_nowait(message)
