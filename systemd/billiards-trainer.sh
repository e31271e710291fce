#!/bin/sh
# The command line of the installed appliance, for technicians: as its own user, in its own folders.
set -eu
if [ "$(id -u)" -ne 0 ]; then
    echo "billiards-trainer: please use sudo: what it reads belongs to the appliance's own user" >&2
    exit 1
fi
# shellcheck source=/dev/null
. /opt/billiards-trainer/current/environment
export XDG_CACHE_HOME BILLIARDS_CONFIG
export RUNTIME_DIRECTORY=/run/billiards-trainer STATE_DIRECTORY=/var/lib/billiards-trainer
export HOME=/var/lib/billiards-trainer
exec setpriv --reuid billiards-trainer --regid billiards-trainer --init-groups --no-new-privs \
    /opt/billiards-trainer/current/venv/bin/billiards-trainer "$@"
