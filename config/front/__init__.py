"""The front: one process with the one address of an installation. It answers decisions from memory itself, and relays
every other request to the web processes behind it.

    python -m config.front

Requests are read by Node's parser (httptools), which refuses what two readers could read differently, and are written
anew, so that the web processes never see a byte that was not understood.
"""
