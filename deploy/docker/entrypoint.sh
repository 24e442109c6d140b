#!/bin/sh
# Secrets are files: each file of /run/secrets named like a variable becomes that variable of this process.
set -eu
for file in "${SECRETS_DIR:-/run/secrets}"/*; do
  name=${file##*/}
  case $name in
    *[!A-Z0-9_]* | "*") continue ;;
  esac
  value=$(cat "$file")
  export "$name=$value"
done
exec "$@"
