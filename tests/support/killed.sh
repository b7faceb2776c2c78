# shellcheck shell=bash
# What the suites of killed runtimes share (tests/container/suite_killed*).
#
#   killed_suite NAME                     before anything else: a container suite of the runtime with fault points
#   everywhere NAME ROLE WHO PREPARATION COMMAND...
#                                         kills the command at one point after the other, until there are no more
#   remember                              what is there, and has to be there again after each; `also` may print more of it
#   check_killed_runtime STATUS           the same by hand, after `at POINT`; and `verdict NAME` says what has come of it
#
# Where the runtime is killed, list, state and ps go on to answer, and `delete --force` leaves no process, mount, cgroup or
# state.  Where a stage is, the runtime says so; after `alone` it leaves nothing by itself, after `in_company` there is a
# container, which stays until `delete --force`.  What may be there instead once a container is deleted, a suite puts into
# the file `allowed`.

killed_suite() { # NAME
  [ "$KIND" = ours ] || skip_all "$1" "$KIND has no fault points"
  RUNTIME=${FAULTY:-$TOP/build/release/faulty/runtime}
  [ -x "$RUNTIME" ] || skip_all "$1" "there is no runtime with fault points; \`make faulty\` makes one"
  container_suite "$1"
  cd "$SCRATCH" || exit 1
}

# What is there, as text: like `leftovers`, in few processes, for it is asked a thousand times.
remains() {
  local entry text
  printf '%s\n' "$(</proc/self/mountinfo)"
  printf '%s\n' /sys/fs/cgroup{,/*}"$CGROUP"/*/ "$STATE"/[!@]*
  for entry in /proc/[0-9]*/stat; do
    text=$(<"$entry") 2>/dev/null
    text=${text#*\(}
    # Zombies have ended; this suite's own shells are no leftovers.
    case $text in '' | suite_* | *') Z '*) ;; *) printf '%s\n' "${text%%)*}" ;; esac
  done
}
also() { :; }
everything() { remains && also; }
remember() { everything >before; }
# Whoever was sent a signal needs a moment to end.
as_before() { everything >now && cmp -s now before; }
as_allowed() { everything >now && { cmp -s now before || cmp -s now allowed; }; }
still_there() { complain "is left: $(diff before now | sed -n 's/^[<>]/&/p' | tr '\n' ' ')"; }

removes=yes
alone() { removes=yes; }
in_company() { removes=; }
at() { point=$1; }
complain() { printf '%s: %s\n' "$point" "$1" >>complaints; }

# The others answer, whatever state it is in.
ask_around() {
  local command status
  for command in "list" "state c" "ps c"; do
    # shellcheck disable=SC2086
    rt $command >asked 2>&1 </dev/null
    status=$?
    [ $status -le 1 ] || complain "$command ends with $status: $(<asked)"
  done
}
force_delete() {
  rt delete --force c >asked 2>&1 </dev/null || complain "delete --force ends with $?: $(<asked)"
  eventually as_allowed || still_there
}

# After the runtime was killed; after a stage was.
check_killed_runtime() { # STATUS
  [ "$1" -eq 137 ] || complain "ends with $1: $(<said)"
  ask_around
  force_delete
}
check_killed_keeper() { # STATUS: its caller may be told that the container runs, just before
  [ "$1" -le 1 ] || complain "ends with $1: $(<said)"
  ask_around
  force_delete
}
check_killed_stage() { # STATUS
  if [ "$1" -eq 0 ]; then # it had done its part
    check_killed_runtime 137
  elif { [ "$1" -ge 124 ] && [ "$1" -ne 255 ]; } || grep -q interrupted said; then
    complain "ends with $1: $(<said)"
    force_delete
  elif [ -n "$removes" ]; then
    eventually as_before || still_there
  else
    force_delete
  fi
}

verdict() { # NAME
  if [ -s complaints ]; then tap_fail "$1" "$(head -n 20 complaints)"; else tap_pass "$1"; fi
  : >complaints
}

# everywhere NAME ROLE WHO PREPARATION COMMAND...: kills the command at one point after the other, until there are no more.
# How many there are is not quite the same every time, for what waits looks more than once.
everywhere() {
  local name=$1 role=$2 who=$3 preparation=$4 n reached=0 beyond=0 status
  shift 4
  : >complaints
  for ((n = 1; beyond < 3; ++n)); do
    $preparation
    PROJECT_FAULT=$role:$n:$who rt "$@" >said 2>&1 </dev/null
    status=$?
    point=$(sed -n 's/^fault: //p;/^fault/q' said)
    if [ -z "$point" ]; then
      beyond=$((beyond + 1)) point="$role:$n not reached"
      force_delete
    else
      reached=$((reached + 1)) beyond=0
      case $role:$who in
        runtime:* | *:runtime) check_killed_runtime $status ;;
        keeper:*) check_killed_keeper $status ;;
        *) check_killed_stage $status ;;
      esac
    fi
  done
  verdict "$name"
  is "… which has such points" $((reached >= 1)) 1
  echo "# $name: $reached points"
}

nothing() { :; }
created() { rt create --bundle c c >/dev/null 2>&1 </dev/null || complain "create fails"; }
running() { rt run --detach --bundle c c >/dev/null 2>&1 </dev/null || complain "run fails"; }
