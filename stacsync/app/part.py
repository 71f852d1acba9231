"""Parts that are made when they are first asked for, and closed together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from threading import RLock
from typing import Any, Generic, Protocol, Self, TypeVar, overload

T = TypeVar("T")


class Closes(Protocol):
    """What holds connections, threads or files."""

    def close(self) -> None:
        """Release them."""
        ...


C = TypeVar("C", bound=Closes)


class Assembly:
    """Has parts; what `closing` is told is done at the end, the newest first: what others were made of goes last."""

    def __init__(self) -> None:
        """Make nothing yet."""
        self.making = RLock()
        self.closing = ExitStack()

    def keeps(self, one: C) -> C:
        """Return `one`, which will be closed at the end."""
        self.closing.callback(one.close)
        return one

    def close(self) -> None:
        """Close what was made; one part that cannot be closed keeps no other from it."""
        self.closing.close()


class part(Generic[T]):  # noqa: N801 - read as a decorator, as `property` is
    """A property of an `Assembly` that is made once: other threads that ask for it wait.

    `functools.cached_property` makes one for each thread, from Python 3.12 on.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, assembly: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, assembly: Assembly, owner: type[Any]) -> T: ...

    def __get__(self, assembly: Assembly | None, owner: type[Any]) -> Self | T:
        """Make the part; it then stands in the object's own dictionary, where it is found without this."""
        if assembly is None:
            return self
        with assembly.making:
            made = vars(assembly)
            if self._name not in made:
                made[self._name] = self._make(assembly)
            found: T = made[self._name]
            return found
