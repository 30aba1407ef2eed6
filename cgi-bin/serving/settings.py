"""The settings of a request that more than one module needs; each can be set in the server's environment."""

import os

# --- settings ---------------------------------------------------------------------------------------
MAX_BODY = 8 * 1024 * 1024  # bytes of a request's body; a 4096x4096 photo as JPEG fits
DISCARD_BYTES = 8 * MAX_BODY  # of a refused body that much is still read, so that the client gets to see why
READ_SECONDS = float(os.environ.get("MNIST_READ_SECONDS") or 10)  # a whole body arrives within that time
SCORE_SECONDS = float(os.environ.get("MNIST_SCORE_SECONDS") or 30)  # a picture is read and scored within that
RESIDENT_SECONDS = float(os.environ.get("MNIST_RESIDENT_SECONDS") or 60)  # an unused resident reader ends after that
RESIDENT = os.environ.get("MNIST_RESIDENT") != "0"  # "0": no resident reader, each request starts afresh
HOSTS = os.environ.get("MNIST_HOSTS", "")  # names of this server with spaces between; see origin.py
# ----------------------------------------------------------------------------------------------------

BLOCK = 64 * 1024  # bytes that are read at a time
