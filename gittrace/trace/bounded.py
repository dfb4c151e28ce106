"""What was read, as much of it as memory allows."""

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(Generic[Key, Value]):
    """What was used last, as long as it weighs no more than `most` together; `weight` is what it does."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.weight = 0
        self._items: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __contains__(self, key: Key) -> bool:
        return key in self._items

    def get(self, key: Key) -> Value | None:
        """Return an item, None when it isn't held (any more)."""
        found = self._items.get(key)
        if found is None:
            return None
        self._items.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, weight: int) -> None:
        """Hold an item, and drop those that were not used for long."""
        _, before = self._items.pop(key, (None, 0))
        self.weight -= before
        self._items[key] = value, weight
        self.weight += weight
        while self.weight > self.most and len(self._items) > 1:
            _, (_, less) = self._items.popitem(last=False)
            self.weight -= less
