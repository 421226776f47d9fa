"""The bench of a host, with the same handles as one that is connected in this process."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labspin.errors import PlanError

if TYPE_CHECKING:
    from labspin.session.client import HostClient

__all__ = ["RemoteActuator", "RemoteBench", "RemoteInstrument"]


class RemoteBench:
    """The bench of a host: its instruments are attributes, its actuators looked up by name.

    Parameters
    ----------
    client
        Client of the host.
    """

    def __init__(self, client: HostClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> RemoteInstrument:
        instruments = self._client.describe()["instruments"]
        if name not in instruments:
            raise AttributeError(f"the bench has no instrument {name!r}; it has {', '.join(instruments)}")
        return RemoteInstrument(self._client, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name[:1] != "_":
            raise AttributeError(
                f"the bench: {name} cannot be assigned; set what an instrument has, as bench.magnet.current"
            )
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted([*self._client.describe()["instruments"], "actuator", "actuators", "safe"])

    @property
    def actuators(self) -> Mapping[str, RemoteActuator]:
        """Everything that can be set, by name."""
        return {name: RemoteActuator(self._client, name) for name in self._client.describe()["actuators"]}

    def actuator(self, name: str) -> RemoteActuator:
        """Return the actuator called ``name``.

        Parameters
        ----------
        name
            Name of the actuator.

        Raises
        ------
        PlanError
            There is none.
        """
        actuators = self._client.describe()["actuators"]
        if name not in actuators:
            near = difflib.get_close_matches(name, actuators, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PlanError(f"the bench has no actuator {name!r}, only {sorted(actuators)}{hint}")
        return RemoteActuator(self._client, name)

    def safe(self) -> list[dict[str, object]]:
        """Bring the bench to its safe state."""
        return self._client.safe()


class RemoteInstrument:
    """An instrument of a host's bench; its attributes are read and set by the host.

    Parameters
    ----------
    client
        Client of the host.
    name
        Name of the instrument.
    """

    __slots__ = ("_client", "_name")

    def __init__(self, client: HostClient, name: str) -> None:
        object.__setattr__(self, "_client", client)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        record = self._client.describe()["instruments"][self._name]
        full = f"{self._name}.{attribute}"
        if attribute not in record["methods"]:
            return self._client.get(full)

        def call(*arguments: object, **keywords: object) -> object:
            return self._client.by_hand("call", full, arguments=list(arguments), keywords=keywords)

        return call

    def __setattr__(self, attribute: str, value: object) -> None:
        self._client.set(f"{self._name}.{attribute}", value)

    def __dir__(self) -> list[str]:
        description = self._client.describe()
        record = description["instruments"][self._name]
        moved = [a["attribute"] for a in description["actuators"].values() if a["instrument"] == self._name]
        return sorted({*record["settable"], *record["readings"], *record["methods"], *moved})

    def __repr__(self) -> str:
        record = self._client.describe()["instruments"][self._name]
        return (
            f"<{self._name}: {record['role']}, {record['driver']}, by the host {self._client.record.name!r}>"
        )


class RemoteActuator:
    """An actuator of a host's bench.

    Parameters
    ----------
    client
        Client of the host.
    name
        ``instrument.attribute``.
    """

    def __init__(self, client: HostClient, name: str) -> None:
        self._client, self.name = client, name
        record = client.describe()["actuators"][name]
        self.unit: str = record["unit"]
        self.minimum: float = record["minimum"]
        self.maximum: float = record["maximum"]

    def read(self) -> float:
        """Return where the actuator says it is, in its unit."""
        return float(self._client.get(self.name))

    def move(self, value: float | str) -> None:
        """Bring the actuator to ``value`` by its ramp, and wait until it has settled.

        Parameters
        ----------
        value
            A number in the actuator's unit, or text with any unit of the same dimension.
        """
        self._client.set(self.name, value)
