# shellcheck shell=bash disable=SC2154 # $engine
# How an engine is asked, for tests/engines/run and tests/vm/podman.  `box` is its command line program with its options, in
# $SCRATCH/bin, which is in PATH; checks have $engine in front of their names.

# make_box < SCRIPT: what `box` is, the engine's command line program with its options.
make_box() {
  { echo '#!/bin/sh' && cat; } >"$SCRATCH/bin/box"
  chmod +x "$SCRATCH/bin/box"
}
# run COMMAND...: $said is both outputs, $status.
run() {
  said=$(timeout --kill-after=5 300 "$@" 2>&1 </dev/null)
  status=$?
}
# gives NAME STATUS TEXT COMMAND...: exactly that.
gives() {
  local name=$1 want=$2 text=$3
  shift 3
  run "$@"
  is "$engine: $name" "$status $said" "$want $text"
}
# ends NAME STATUS COMMAND...
ends() {
  local name=$1 want=$2
  shift 2
  run "$@"
  if [ "$status" = "$want" ]; then tap_pass "$engine: $name"; else
    tap_fail "$engine: $name" "\$ $*
$said
exit status $status, wanted $want"
  fi
}
# At a terminal, where INPUT is typed, and nobody hangs up.
at_terminal() { # INPUT COMMAND...
  local input=$1 keys=$SCRATCH/keys
  shift
  [ -p "$keys" ] || mkfifo "$keys"
  exec 8<>"$keys"
  printf '%b' "$input" >&8
  said=$(set -o pipefail && timeout --kill-after=5 300 script --quiet --return --command "$(printf '%q ' "$@")" /dev/null \
    <"$keys" 2>&1 8>&- | tr -d '\r')
  status=$?
  exec 8>&-
}
stop() {
  kill "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}
# Only where the runtime has a command: pause, ps...
has_command() { "$RUNTIME" "$1" --help >/dev/null 2>&1; }
