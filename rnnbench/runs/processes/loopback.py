"""The rendezvous of the ranks of one machine: a store on 127.0.0.1 only, on a port chosen by the system.

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
    """One agent and one store, which the agent's processes use too."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        listener = socket.create_server((ADDRESS, 0))
        self._port = listener.getsockname()[1]
        self._store = TCPStore(
            ADDRESS, self._port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach(),
            use_libuv=False,  # torch 2.6's takes no listening socket
        )  # fmt: skip

    def get_backend(self) -> str:
        """The name of this rendezvous backend."""
        return BACKEND

    @property
    def use_agent_store(self) -> bool:
        """Processes connect to this store instead of opening another."""
        return True

    def next_rendezvous(self) -> RendezvousInfo:
        """The agent has rank 0 of 1."""
        return RendezvousInfo(PrefixStore(self._run_id, self._store), 0, 1, RendezvousStoreInfo(ADDRESS, self._port))

    def is_closed(self) -> bool:
        """Never closed: it exists as long as its agent."""
        return False

    def set_closed(self) -> None:
        """No effect: no other agent can join."""

    def num_nodes_waiting(self) -> int:
        """Always 0: no other machine can reach it."""
        return 0

    def get_run_id(self) -> str:
        """The id from the agent's launch configuration."""
        return self._run_id

    def shutdown(self) -> bool:
        """Nothing to do: the store ends with the agent's process."""
        return True


def register() -> None:
    """Register this backend by name with torch's elastic agent."""
    rendezvous_handler_registry.register(BACKEND, _make)


def _make(parameters: RendezvousParameters) -> RendezvousHandler:
    return Loopback(parameters.run_id)
