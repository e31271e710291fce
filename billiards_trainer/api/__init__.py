"""The process that people's browsers talk to: page, REST interface, WebSocket, live picture.

It owns nothing: it shows what the other processes publish and hands commands on to them.
``routes`` is the table of what can be asked; ``openapi`` describes the same table.
"""
