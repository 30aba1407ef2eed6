"""The server process that a resident reader was started for."""

import os
import select
from contextlib import suppress


class ServerProcess:
    """That process, by its number; where Linux allows it, its end is noticed at once."""

    def __init__(self, process: int) -> None:
        """Watch that process."""
        self.process, self.descriptor = process, -1
        with suppress(AttributeError, OSError):
            self.descriptor = os.pidfd_open(process)

    def has_ended(self) -> bool:
        """Tell whether it has ended."""
        if self.descriptor >= 0:
            return bool(select.select([self.descriptor], [], [], 0)[0])
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it is there, and belongs to another user
        return False
