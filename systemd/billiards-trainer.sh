#!/bin/sh
# The command line of the installed appliance, for technicians: as its own user, in its own folders.
set -eu
if [ "$(id -u)" -ne 0 ]; then
    echo "billiards-trainer: please use sudo: what it reads belongs to the appliance's own user" >&2
    exit 1
fi
set -a
# shellcheck source=/dev/null
. /opt/billiards-trainer/current/environment
set +a
export RUNTIME_DIRECTORY=/run/billiards-trainer STATE_DIRECTORY=/var/lib/billiards-trainer
export HOME=/var/lib/billiards-trainer
exec setpriv --reuid billiards-trainer --regid billiards-trainer --init-groups --no-new-privs \
    /opt/billiards-trainer/current/venv/bin/billiards-trainer "$@"
