# shellcheck shell=bash
# What sanitizers find in whatever process of ours, by way of tests/sanitize/findings.cc.  $FINDINGS is the file that it
# was compiled with; elsewhere than in MODE=sanitize there is none, and nothing is ever found.
#
#   findings_clear           makes the file, or empties it
#   findings_take            prints what is in it, if anything, and empties it

# Over what is there: a process that outlives its test still writes to it.  Whoever a test becomes may write as well.
findings_clear() {
  [ -n "${FINDINGS-}" ] || return 0
  rm -f "$FINDINGS".leak.*
  dd if=/dev/zero of="$FINDINGS" bs=64k count=16 conv=notrunc status=none
  chmod 666 "$FINDINGS"
}

findings_take() {
  local text
  [ -n "${FINDINGS-}" ] || return 0
  text=$(
    tail -c +5 "$FINDINGS" | tr -d '\0'
    cat "$FINDINGS".leak.* 2>/dev/null
  )
  [ -z "$text" ] || { printf '%s\n' "$text" && findings_clear; }
}
