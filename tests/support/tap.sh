# shellcheck shell=bash
# What a suite (tests/NAME/run, bash) is written with:
#
#   . "$(dirname "$0")/../support/tap.sh"
#   scratch                               # a private directory in $SCRATCH, gone at the end
#   ok    "list is empty" runtime list    # the command succeeds; its output is shown only if it does not
#   fails "no such id" runtime delete x   # the command fails
#   is    "prints the id" "$got" web      # equal texts; the difference is shown
#   like  "says so" "$got" 'no such .*x'  # an extended regular expression finds a match
#   skip  "needs root" "not root"         # says why something was not tried
#   eventually test -s file               # waits until the command succeeds, a minute at most
#   finish                                # the summary line, and the exit status
#
# Each check prints `ok - NAME` or `not ok - NAME` with the details behind `# `, and returns 0 or 1, so that
# `ok ... || return` reads as it should.  One failure does not hide the next: suites do not use `set -e`.
# $BIN is where the programs are, $TOP the project's directory.

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=${BIN:-$TOP/build/bin}
export TOP BIN

tap_passed=0
tap_failed=0
tap_skipped=0
tap_at_exit=()

tap_pass() {
  tap_passed=$((tap_passed + 1))
  printf 'ok - %s\n' "$1"
}

# tap_fail NAME [DETAILS]: for checks of a suite's own.
tap_fail() {
  tap_failed=$((tap_failed + 1))
  printf 'not ok - %s\n' "$1"
  if [ -n "${2-}" ]; then printf '%s\n' "$2" | sed 's/^/# /'; fi
  return 1
}

# No wait of a suite is shorter: where the machine is busy everything takes its time, and who succeeds does not wait.
eventually() {
  local end=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return
    sleep 0.02
  done
}

can_trace() { command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; }

ok() {
  local name=$1 out status
  shift
  # In a subshell, so that an `exit` or `cd` inside does not reach the suite.
  out=$( ("$@") 2>&1 </dev/null)
  status=$?
  if [ $status -eq 0 ]; then tap_pass "$name"; else tap_fail "$name" "\$ $*
$out
exit status $status"; fi
}

fails() {
  local name=$1 out status
  shift
  out=$( ("$@") 2>&1 </dev/null)
  status=$?
  # Above 128 is a signal: to crash is not to refuse.
  if [ $status -gt 0 ] && [ $status -le 128 ]; then tap_pass "$name"; else tap_fail "$name" "\$ $*
$out
exit status $status, and it should have failed"; fi
}

is() {
  if [ "$2" = "$3" ]; then tap_pass "$1"; else
    tap_fail "$1" "$(diff -u --label got --label wanted <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
  fi
}

like() {
  if printf '%s\n' "$2" | grep -Eq -e "$3"; then tap_pass "$1"; else
    tap_fail "$1" "wanted a match of: $3
got: $2"
  fi
}

skip() {
  tap_skipped=$((tap_skipped + 1))
  printf 'ok - %s # SKIP %s\n' "$1" "$2"
}

# skip_all NAME REASON: nothing in this suite can run here.
skip_all() {
  skip "$@"
  finish
}

# at_exit COMMAND...: run when the suite ends, however it ends; the last one first.
at_exit() {
  tap_at_exit+=("$(printf '%q ' "$@")")
}

tap_clean_up() {
  local status=$? i
  trap - EXIT
  # Backwards: what was made last may need what was made before.
  for ((i = ${#tap_at_exit[@]} - 1; i >= 0; i--)); do eval "${tap_at_exit[i]}"; done
  exit $status
}
trap tap_clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# scratch: makes a private directory, $SCRATCH.  Call it as it stands, never in $(...).
scratch() {
  SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/tap.XXXXXX") || exit 1
  # The name as the kernel spells it in mountinfo.
  SCRATCH=$(cd "$SCRATCH" && pwd -P)
  export SCRATCH
  at_exit tap_remove "$SCRATCH"
}

# tap_remove DIR: unmounts what is mounted below DIR, and only that, then removes DIR without crossing into
# another file system, so that a mount left behind costs a message and nobody's files.
tap_remove() {
  local dir=$1 mount
  while read -r mount; do
    mount=$(printf '%b' "$mount") # mountinfo writes blanks as \040
    case $mount in "$dir"/?*) umount -l -R -- "$mount" 2>/dev/null ;; esac
  done < <(awk '{ print $5 }' /proc/self/mountinfo | tac)
  rm -rf --one-file-system -- "$dir"
}

finish() {
  printf '%d passed, %d failed, %d skipped\n' $tap_passed $tap_failed $tap_skipped
  if [ $tap_failed -eq 0 ]; then exit 0; else exit 1; fi
}
