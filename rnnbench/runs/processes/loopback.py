"""Where the ranks of one machine meet: a store on 127.0.0.1 only, on a port chosen by the system.

torchrun's own rendezvous would listen on every address of the machine.
"""

import socket

from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # not in its __all__
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

BACKEND = "rnnbench-loopback"
ADDRESS = "127.0.0.1"


class Loopback(RendezvousHandler):
    """One agent, one store, which its processes use too."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        listener = socket.create_server((ADDRESS, 0))
        self._port = listener.getsockname()[1]
        self._store = TCPStore(
            ADDRESS, self._port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach(),
            use_libuv=False,  # torch 2.6's takes no listening socket
        )  # fmt: skip

    def get_backend(self) -> str:
        """Its name."""
        return BACKEND

    @property
    def use_agent_store(self) -> bool:
        """Processes connect to this store; none opens another."""
        return True

    def next_rendezvous(self) -> RendezvousInfo:
        """There is one agent: it is the first of one."""
        return RendezvousInfo(PrefixStore(self._run_id, self._store), 0, 1, RendezvousStoreInfo(ADDRESS, self._port))

    def is_closed(self) -> bool:
        """It lasts as long as its agent."""
        return False

    def set_closed(self) -> None:
        """Nobody else would come."""

    def num_nodes_waiting(self) -> int:
        """No other machine can reach it."""
        return 0

    def get_run_id(self) -> str:
        """As the agent was told."""
        return self._run_id

    def shutdown(self) -> bool:
        """The store ends with the agent's process."""
        return True


def register() -> None:
    """Make the agent know it by its name."""
    rendezvous_handler_registry.register(BACKEND, _make)


def _make(parameters: RendezvousParameters) -> RendezvousHandler:
    return Loopback(parameters.run_id)
