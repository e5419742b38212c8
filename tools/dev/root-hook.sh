#!/bin/sh
# Called by mmdebstrap (tools/dev/platform.sh) with the new root, before the packages are installed:
# no server starts in there, and PostgreSQL makes no cluster of its own.
set -eu
mkdir -p "$1/etc/postgresql-common" "$1/usr/sbin"
echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod +x "$1/usr/sbin/policy-rc.d"
