#!/bin/sh
# Install the Debian packages that the tests run real programs of, where they are missing, and say so.
#
#   chromium        opens the documentation page of examples/service
#   gzip            checks that what we compress is what everybody's gzip reads
#   postgresql      the databases of tests/integrations; they start a server of their own
#   redis-server    the shared tier of the cache is tested against: alone, under Sentinels and as a Cluster
#
# With arguments, only the packages that they name.
# Add a line to `wanted` ("command package") when a test needs another program.
set -eu

wanted="chromium chromium gzip gzip redis-server redis-server pg_lsclusters postgresql"

only=" $* "
missing=""
set -- $wanted
while [ $# -gt 1 ]; do
    case "$only" in
    "  " | *" $2 "*) command -v "$1" >/dev/null 2>&1 || missing="$missing $2" ;;
    esac
    shift 2
done

if [ -z "$missing" ]; then
    exit 0
fi
echo "the tests and the example need these Debian packages:$missing"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "install them with your system's package manager, then run this again" >&2
    exit 1
fi
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
$sudo apt-get update -qq
# shellcheck disable=SC2086  # a list of packages
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
