"""One module at a time, with real files and sockets where it has any."""
