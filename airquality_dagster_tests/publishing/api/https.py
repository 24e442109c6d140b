"""A server with a certificate of the moment: OpenAQ's client speaks HTTPS only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
import uvicorn
from openaq import OpenAQ
from starlette.types import ASGIApp

from airquality_dagster.local.serving import LOOPBACK, listen

ANY_KEY = "0" * 64
"""The client wants a key of 64 characters; no key is checked."""


@contextmanager
def running_https(app: ASGIApp, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serve in a thread, and yield the URL and the file of the authority that clients must trust."""
    authority = trustme.CA()
    trusted, key, certificate = (folder / name for name in ("authority.pem", "key.pem", "certificate.pem"))
    issued = authority.issue_cert(LOOPBACK)
    authority.cert_pem.write_to_path(trusted)
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    listener = listen(0)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", ssl_keyfile=key, ssl_certfile=certificate)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        # Connections wait in the listener until the server has started.
        yield f"https://{LOOPBACK}:{listener.getsockname()[1]}", trusted
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def openaq_client(url: str) -> OpenAQ:
    """Return the published client with another base URL; it trusts the authority in ``SSL_CERT_FILE``."""
    return OpenAQ(ANY_KEY, base_url=f"{url}/v3/", auto_wait=False)
