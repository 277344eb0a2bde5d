"""Token buckets: by device for those we know, by address for strangers, in a table that cannot grow."""

from collections import OrderedDict

MAX_ADDRESSES = 10_000  # strangers' buckets; the least recently used one goes first


class TokenBucket:
    """`rate` tokens a second, at most `burst`; full at first."""

    __slots__ = ("_stamp", "_tokens")

    def __init__(self, burst: float, mono: float) -> None:
        self._tokens = burst
        self._stamp = mono

    def take(self, mono: float, rate: float, burst: float, tokens: float = 1.0) -> bool:
        """Spend them if there are so many. rate and burst are arguments, so that a bucket costs two slots a device."""
        self._tokens = min(burst, self._tokens + (mono - self._stamp) * rate)
        self._stamp = mono
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True


class AddressBuckets:
    """One bucket an address, for names nobody knows. A site with many devices behind one address shares it only
    until its devices are known."""

    __slots__ = ("_buckets", "_burst", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._rate = rate
        self._burst = burst

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, mono: float) -> bool:
        bucket = self._buckets.get(address)
        if bucket is None:
            bucket = self._buckets[address] = TokenBucket(self._burst, mono)
            if len(self._buckets) > MAX_ADDRESSES:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(address)
        return bucket.take(mono, self._rate, self._burst)
