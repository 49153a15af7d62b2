#!/usr/bin/env bash
# Runs the unit tests with the oldest supported Node. Arguments go to test/run.ts (default: unit).
set -euo pipefail
cd "$(dirname "$0")/.."

cache=node_modules/.cache/node24
package=node-$(node -p 'process.platform + "-" + process.arch')
node24=$cache/node_modules/$package/bin/node
if [ ! -x "$node24" ]; then
  mkdir -p "$cache"
  npm install --prefix "$cache" --no-save --no-audit --no-fund --loglevel=error "$package@24" >/dev/null
fi
exec "$node24" test/run.ts "${@:-unit}"
