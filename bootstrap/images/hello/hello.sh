#!/bin/sh
# Says who it is: the agent gives every container these variables.
mkdir -p /www
echo "hello from ${CO_SERVICE:-nobody}, slot ${CO_SLOT:-?}, on ${CO_NODE:-no node}, container ${CO_CONTAINER:-?}" >/www/index.html
cat /www/index.html
exec httpd -f -p 80 -h /www
