# shellcheck shell=bash
# The exceptions of a foreign suite:  read_exceptions FILE, then exception_for and count_exception, then show_exceptions.
#
# A line is  part | point | where | reason.  Part and point are patterns of the shell.  Where: `everywhere`, `race` (it
# passes sometimes), or a condition below: what the machine lacks.  Expects tap.sh.

kernel_at_least() { [ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]; }
v1() { [ -e "/sys/fs/cgroup/$1" ]; }

applies() { # WHERE
  case $1 in
    everywhere | race) ;;
    cgroup2) [ -e /sys/fs/cgroup/cgroup.controllers ] ;;
    no-apparmor) [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] ;;
    no-blkio-weight) [ -z "$(find /sys/fs/cgroup/blkio -maxdepth 2 -name blkio.leaf_weight -print -quit 2>/dev/null)" ] ;;
    no-cap-sys-resource) ! ((0x$(sed -n 's/^CapEff:\s*//p' /proc/self/status) >> 24 & 1)) ;;
    no-hugetlb) ! v1 hugetlb ;;
    no-kmem) kernel_at_least 5.16 ;;
    no-net_cls) ! v1 net_cls ;;
    no-user-namespaces) ! unshare --user true 2>/dev/null ;;
    rootless) [ "$(id -u)" -ne 0 ] ;;
    systemd) [ "${MANAGER-}" = systemd ] ;;
    *) echo "exceptions: unknown condition '$1'" >&2; exit 2 ;;
  esac
}

declare -a of=() point=() why=() met=() sometimes=()
read_exceptions() { # FILE
  local a b c d
  while IFS='|' read -r a b c d; do
    case $a in '' | \#*) continue ;; esac
    # Blanks around the bars.
    c=${c// /}
    if applies "$c"; then
      of+=("${a% }") point+=("$(sed 's/^ //; s/ $//' <<<"$b")") why+=("${d# }") met+=(0)
      if [ "$c" = race ]; then sometimes+=(yes); else sometimes+=(no); fi
    fi
  done <"$1"
}

exception_for() { # PART POINT: its index
  local i
  for i in "${!of[@]}"; do
    # shellcheck disable=SC2053 # patterns
    if [[ $1 == ${of[i]} && $2 == ${point[i]} ]]; then echo "$i"; return; fi
  done
  return 1
}

count_exception() { met[$1]=$((met[$1] + 1)); }

# Those that were met, as skipped; and those that nothing needs any more.
show_exceptions() {
  local i
  for i in "${!of[@]}"; do
    if [ "${met[i]}" -gt 0 ]; then
      skip "${of[i]}: ${point[i]}" "${why[i]}"
    elif [ "${sometimes[i]}" = no ]; then
      echo "# ${of[i]}: '${point[i]}' passes, although it is listed as an exception"
    fi
  done
}
