from tests.adapters.peer.two_servers import pair

__all__ = ["pair"]
